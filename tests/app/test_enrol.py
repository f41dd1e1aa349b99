"""`ringfence enrol` and its kin from the command line: keys stay where they are made, and secrets are never said."""

import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from ringfence.app import enrol
from ringfence.app.orders.home import ServerHome
from ringfence.app.survey import Scope, survey_tree
from ringfence.cli import run
from ringfence.cli.extra import needs_fence
from ringfence.errors import MissingPart
from ringfence.store.slots import IN_FORCE, Slot, Slots
from ringfence.transport import signing
from tests.app.test_enforcer import HOST, Node, signed
from tests.transport.parts import TARGET, FileEnforcer, a_node


@pytest.fixture
def server(tmp_path: Path) -> str:
    """A server's folder, made by the command."""
    assert run(["enrol", "init", str(tmp_path / "server"), "--host", "fence01"]) == 0
    return str(tmp_path / "server")


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_servers_folder_is_for_its_owner_alone_and_is_made_once(server):
    """No file of it can be read by others, and no key is made twice."""
    folder = Path(server)
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.rglob("*") if path.is_file()} == {0o600}
    key = (folder / "orders.key").read_bytes()
    assert run(["enrol", "init", server]) == 2
    assert (folder / "orders.key").read_bytes() == key


def test_a_token_is_in_its_file_and_nowhere_else(server, tmp_path, capsys):
    """Not on the screen, not in the server's state; and no file is written over."""
    out = tmp_path / "token"
    command = ["enrol", "token", "--dir", server, "--host", "gpu0001", "-o", str(out)]
    assert run(command) == 0
    said = capsys.readouterr()
    secret = json.loads(out.read_text())["secret"]
    assert mode(out) == 0o600
    assert secret not in said.out + said.err
    for path in Path(server).rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes()
    assert run(command) == 2
    assert json.loads(out.read_text())["secret"] == secret


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--role", "king"], "is not a role"),
        (["--minutes", "0"], "a week at most"),
        (["--minutes", "99999"], "a week at most"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(server, tmp_path, capsys, change, says):
    """With what would."""
    assert run(["enrol", "token", "--dir", server, "--host", "a", "-o", str(tmp_path / "t"), *change]) == 2
    assert says in capsys.readouterr().err


def test_a_join_needs_a_private_token_and_a_server_that_answers(server, tmp_path, capsys):
    """A token that others can read, something else, an address that is none, and nobody there."""
    out, node = tmp_path / "token", str(tmp_path / "node")
    run(["enrol", "token", "--dir", server, "--host", "gpu0001", "-o", str(out)])
    join = ["enrol", "join", "--dir", node, "--token-file"]
    assert run([*join, str(out), "--server", "127.0.0.1"]) == 2
    assert "HOST:PORT" in capsys.readouterr().err
    assert run([*join, str(out), "--server", "127.0.0.1:1"]) == 1
    assert "not enrolled" in capsys.readouterr().err
    out.chmod(0o644)
    assert run([*join, str(out), "--server", "127.0.0.1:1"]) == 2
    assert "read by others" in capsys.readouterr().err
    out.write_text("{}")
    out.chmod(0o600)
    assert run([*join, str(out), "--server", "127.0.0.1:1"]) == 2
    assert "is not a token" in capsys.readouterr().err
    assert not (Path(node) / "node.json").exists()


def test_the_estate_learns_whom_the_fence_orders_and_which_key_signs(server, tmp_path, capsys):
    """The facts are read by the same collector as any inventory, without a problem; the key itself is not in them."""
    a_node(ServerHome(Path(server)), tmp_path / "node", "host:gpu0001")
    capsys.readouterr()
    assert run(["enrol", "facts", "--dir", server]) == 0
    said = capsys.readouterr().out
    capture = tmp_path / "capture"
    capture.mkdir()
    (capture / "fence.ndjson").write_text(said)
    survey = survey_tree(capture, Scope())
    assert survey.problems == ()
    found = {(fact.subject, fact.object) for fact in survey.estate.facts("enforced_by")}
    assert found == {("host:gpu0001", "service:fence01/ringfence:8443")}
    (signs,) = survey.estate.facts("signs_orders")
    assert signs.attributes["public"] == signing.public_hex(ServerHome(Path(server)).order_key())
    assert "PRIVATE" not in said


def test_keys_are_listed_and_revoked(server, tmp_path, capsys):
    """Revoking twice says that nothing was left to revoke."""
    a_node(ServerHome(Path(server)), tmp_path / "node", "host:gpu0001")
    revoke = ["enrol", "revoke", "--dir", server, "--host", "gpu0001"]
    assert [run(revoke), run(revoke)] == [0, 1]
    capsys.readouterr()
    assert run(["enrol", "list", "--dir", server, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["host"], row["role"], bool(row["revoked"])) == ("host:gpu0001", "enforcer", True)


def test_commands_that_find_nobody_say_what_to_start(server, tmp_path, capsys):
    """No server, no enforcer, no enrolled folder, no such verb."""
    for command, says in (
        (["fence", "nodes", "--dir", server], "`ringfence fence serve`"),
        (["enforcer", "ask", "status", "--socket", str(tmp_path / "none")], "`ringfence enforcer`"),
        (["enforcer", "run", "--dir", str(tmp_path)], "`ringfence enrol join`"),
        (["enrol", "list", "--dir", str(tmp_path)], "`ringfence enrol init`"),
        (["enforcer", "ask", "open"], "wait-job"),
        (["fence", "order", "host:a", "--dir", server, "--target", "x"], "--file"),
        (["fence", "serve", server, "--listen", "nowhere"], "HOST:PORT"),
    ):
        assert run(command) == 2
        assert says in capsys.readouterr().err.replace("\n", " ")


def test_an_offline_token_that_makes_no_sense_is_not_made(server, tmp_path):
    """A release of a year, and one without an end."""
    for minutes in ("525600", "0"):
        command = ["enrol", "release", "--dir", server, "--host", "a", "--why", "x", "--minutes", minutes]
        assert run([*command, "-o", str(tmp_path / "r")]) == 2
    assert not (tmp_path / "r").exists()


def test_without_the_extra_a_command_says_which_one_to_install():
    """Instead of a traceback."""
    with pytest.raises(MissingPart, match="no_such_module"), needs_fence():
        import no_such_module  # noqa: F401


def test_the_sequence_never_goes_back_and_two_threads_do_not_tear_a_slot(tmp_path):
    """An order that was accepted late cannot lower what was seen."""
    slots = Slots(tmp_path / "db")
    slots.begin(5, None)
    slots.begin(3, None)
    assert slots.counter("sequence") == 5

    def write(number: int) -> None:
        for at in range(20):
            text = f"{number}"
            slots.finish(Slot(TARGET, str(number), "apply", "", text, (), "", "", at, IN_FORCE, "", 0))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.job: one.desired for one in slots.all()} == {str(number): str(number) for number in range(4)}
    slots.close()


def test_what_a_driver_does_by_the_clock_is_done_and_its_failure_told(tmp_path):
    """Budgets are refilled while the host is closed, and not while it is open."""
    node = Node(tmp_path)
    done: list[str] = []

    class Budgeted(FileEnforcer):
        def refill(self) -> None:
            done.append(self.where)

    table: Any = {TARGET: lambda where, job: Budgeted(node.files, where, job)}
    node.slots.close()
    node.start(table)
    node.keeper.take(*signed(1))
    node.keeper.tend()
    assert done == [HOST]
    node.slots.close()


def test_enrolled_public_halves_differ_from_each_other(server, tmp_path):
    """Two nodes, two keys; nothing of one lies in the other's folder."""
    home = ServerHome(Path(server))
    nodes = [a_node(home, tmp_path / name, f"host:{name}") for name in ("a", "b")]
    assert len({one.public_key for one in enrol.enrolled(Path(server))}) == 2
    assert nodes[0].orders == nodes[1].orders
