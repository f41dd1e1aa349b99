"""The keeper of a node: which orders it carries out, which it refuses, and what it still knows after it was killed.

The target is the test enforcer of `tests/transport/parts.py`, which keeps its text in a file.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringfence.app.enforcer.drivers import drivers_of
from ringfence.app.enforcer.gate import Gate
from ringfence.app.enforcer.keeper import Keeper
from ringfence.app.enforcer.settings import Settings, read
from ringfence.app.enforcer.standing import stands
from ringfence.errors import EnforceError, InputError
from ringfence.store.slots import FAILED, IN_FORCE, PENDING, Slots
from ringfence.transport import signing
from ringfence.wire import orders
from ringfence.wire.orders import Envelope, Order, Receipt, Release
from tests.transport.parts import TARGET, FileEnforcer, drivers

SERVER, NODE, STRANGER = signing.new_key(), signing.new_key(), signing.new_key()
HOST, NOW = "host:gpu0001", 1_000_000


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it is carried out."""


class Node:
    """A keeper with its file, its journal as a list, and a clock that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, folder / "files"
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.now = float(NOW)
        self.start(drivers(self.files))

    def start(self, table: Any) -> None:
        """As after a start of the process: the same disk, nothing in memory."""
        self.slots = Slots(self.folder / "enforcer.db")
        trusted = signing.keyring([signing.public_hex(SERVER)])
        self.keeper = Keeper(HOST, table, self.slots, trusted, NODE, self._record, lambda: self.now)
        self.keeper.recover()

    def again(self) -> None:
        """Killed and started again."""
        self.slots.close()
        self.start(drivers(self.files))

    def in_force(self, job: str = "") -> str:
        """What is really there."""
        return FileEnforcer(self.files, HOST, job).read()

    def applied(self) -> list[str]:
        """Every text that was ever applied."""
        log = self.files / "applied"
        return log.read_text().splitlines() if log.exists() else []

    def receipts(self) -> dict[int, Receipt]:
        """Receipts that wait for the server, by sequence."""
        key = signing.keyring([signing.public_hex(NODE)])
        waiting = self.slots.unsent()
        found = [signing.opened(msgspec.json.decode(one, type=Envelope), Receipt, key) for _, one, _ in waiting]
        return {one.sequence: one for one in found}

    def _record(self, what: str, detail: dict[str, Any], order: str) -> None:
        self.lines.append((what, detail))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node that has had no order yet."""
    made = Node(tmp_path)
    yield made
    made.slots.close()


def order(sequence: int, text: str = "rules", **more: Any) -> Order:
    """An order as the server would give it."""
    values = {
        "id": f"{sequence:032x}",
        "host": HOST,
        "target": TARGET,
        "action": "apply",
        "not_before": NOW,
        "expires": NOW + 60,
        "digest": orders.digest(text),
    }
    return Order(sequence=sequence, **values | more)


def signed(sequence: int, text: str = "rules", **more: Any) -> tuple[Envelope, str]:
    """The same in its envelope, and its text."""
    return signing.seal(SERVER, order(sequence, text, **more)), text


def test_a_signed_order_is_carried_out_read_back_and_answered(node):
    """The receipt has the digest of what is really there, and is signed by the node."""
    receipt = node.keeper.take(*signed(1, "rules of one"))
    assert node.in_force() == "rules of one"
    assert receipt == node.receipts()[1]
    assert (receipt.outcome, receipt.digest) == ("applied", orders.digest("rules of one"))
    assert [text for _, _, text in node.slots.unsent()] == ["rules of one"]
    assert node.lines == [
        ("enforcer.applied", {"target": TARGET, "job": "", "action": "apply", "digest": receipt.digest})
    ]


def test_a_forged_order_changes_nothing_and_has_no_receipt(node):
    """A stranger's key, and the server's signature on other bytes."""
    good, text = signed(1)
    changed = msgspec.structs.replace(good, payload=good.payload.replace(b"gpu0001", b"gpu0002"))
    for forged in (signing.seal(STRANGER, order(1)), changed):
        assert node.keeper.take(forged, text) is None
    assert node.keeper.take(good, "holes").error.startswith("forged")
    assert node.in_force() == ""
    assert node.slots.refused() == {"forged": 3}
    assert [what for what, _ in node.lines] == ["enforcer.refused"] * 3
    assert node.keeper.take(good, text).outcome == "applied"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"host": "host:gpu0002"}, "misaddressed"),
        ({"not_before": NOW - 100, "expires": NOW}, "expired"),
        ({"not_before": NOW + 30}, "not valid before"),
        ({"expires": NOW + 9999}, "it lives longer"),
        ({"sequence": 5}, "replayed or out of order"),
        ({"sequence": 4}, "replayed or out of order"),
        ({"target": "nftables"}, "unknown target"),
        ({"action": "reboot"}, "unknown action"),
    ],
)
def test_an_order_that_is_not_for_here_and_now_is_refused_with_its_reason(node, change, why):
    """Nothing is changed, the reason is counted, journalled and sent; the node's own host stands in the receipt."""
    node.keeper.take(*signed(5, "before"))
    receipt = node.keeper.take(*signed(**{"sequence": 6, "text": "after", "id": "f" * 32} | change))
    assert (receipt.outcome, receipt.host) == ("refused", HOST)
    assert receipt.error.startswith(why)
    assert node.in_force() == "before"
    assert sum(node.slots.refused().values()) == 1
    assert node.lines[-1][0] == "enforcer.refused"
    assert node.keeper.take(*signed(6, "after")).outcome == "applied"


def test_a_replay_after_a_restart_is_refused(node):
    """The sequence is on disk before the order is carried out."""
    first, second = signed(1, "one"), signed(2, "two")
    node.keeper.take(*first)
    node.keeper.take(*second)
    node.again()
    assert [node.keeper.take(*one).outcome for one in (first, second)] == ["refused", "refused"]
    assert node.in_force() == "two"


def test_a_gap_in_the_sequence_is_accepted_and_counted(node):
    """Orders that were lost show."""
    for sequence in (1, 4, 5):
        assert node.keeper.take(*signed(sequence)).outcome == "applied"
    assert node.slots.counter("missed") == 2


def test_what_fails_says_what_was_left_and_the_next_start_tries_again(node):
    """The failure is told; the slot stays failed until it succeeds."""
    (node.files / "fail").touch()
    receipt = node.keeper.take(*signed(1, "rules of one"))
    assert (receipt.outcome, receipt.left) == ("failed", ("half of it",))
    assert node.slots.find(TARGET, "").state == FAILED
    assert node.in_force() == "rules "
    node.again()
    assert node.in_force() == "rules of one"
    assert node.receipts()[1].outcome == "applied"


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError(28, "No space left on device")])
def test_a_drivers_own_fault_is_a_failed_receipt_and_not_the_end(node, error):
    """The enforcer goes on."""

    class Faulty(FileEnforcer):
        def apply(self, artefact: Any) -> None:
            raise error

    node.slots.close()
    node.start({TARGET: lambda where, job: Faulty(node.files, where, job)})
    assert node.keeper.take(*signed(1)).error.startswith(type(error).__name__)
    assert node.keeper.take(*signed(2, action="read")).outcome == "applied"


@pytest.mark.parametrize("at", ["before it begins", "in the middle", "before the receipt"])
@pytest.mark.parametrize("action", ["apply", "restore", "remove"])
def test_a_kill_at_any_step_is_completed_by_the_next_start(node, action, at):
    """The node is killed, started again: what was ordered is in force, its receipt waits, no sequence is used twice."""
    node.keeper.take(*signed(1, "old"))

    class Mortal(FileEnforcer):
        reads = 0

        def apply(self, artefact: Any) -> None:
            self._file.write_text("half")
            if at == "in the middle":
                raise Killed
            super().apply(artefact)

        def restore(self, before: str) -> None:
            self._file.write_text("half")
            if at == "in the middle":
                raise Killed
            super().restore(before)

        def read(self) -> str:
            if at == "before the receipt":
                raise Killed
            return super().read()

    node.keeper._drivers = {TARGET: lambda where, job: Mortal(node.files, where, job)}
    if at == "before it begins":
        node.slots.begin = _begun_and_killed(node.slots)
    with pytest.raises(Killed):
        node.keeper.take(*signed(2, "new", action=action))
    node.again()
    assert node.in_force() == ("" if action == "remove" else "new")
    assert node.receipts()[2].outcome == "applied"
    assert [one.state for one in node.slots.all()] == ([] if action == "remove" else [IN_FORCE])
    assert node.keeper.take(*signed(2, "again")).outcome == "refused"


def _begun_and_killed(slots: Slots) -> Any:
    begin = type(slots).begin

    def begun(*arguments: Any) -> None:
        begin(slots, *arguments)
        raise Killed

    return begun


def test_a_kill_before_the_order_is_written_down_leaves_the_old_state(node):
    """Then nobody knows of the order but the server, which orders again."""
    node.keeper.take(*signed(1, "old"))
    node.slots.begin = lambda *_: (_ for _ in ()).throw(Killed)
    with pytest.raises(Killed):
        node.keeper.take(*signed(2, "new"))
    node.again()
    assert node.in_force() == "old"
    assert node.keeper.take(*signed(2, "new")).outcome == "applied"


def test_after_a_reboot_what_was_in_force_is_brought_back(node):
    """A reboot empties the host's tables, not the disk; what is as it should be is not touched."""
    node.keeper.take(*signed(1, "rules"))
    node.again()
    assert node.applied() == ["rules"]
    FileEnforcer(node.files, HOST, "").restore("")
    node.again()
    assert node.in_force() == "rules"
    assert node.applied() == ["rules", "rules"]


def test_remove_brings_back_what_was_there_before_the_first_order(node):
    """Not what the order before it had made."""
    FileEnforcer(node.files, HOST, "").restore("the admin's own")
    node.keeper.take(*signed(1, "one"))
    node.keeper.take(*signed(2, "two"))
    assert node.keeper.take(*signed(3, "", action="remove")).digest == orders.digest("the admin's own")
    assert node.in_force() == "the admin's own"
    assert node.slots.all() == []


def test_a_read_changes_nothing_and_counts_as_an_order(node):
    """What is in force comes back; the sequence is used up."""
    node.keeper.take(*signed(1, "rules"))
    assert node.keeper.take(*signed(2, "", action="read")).digest == orders.digest("rules")
    assert node.keeper.take(*signed(2, "", action="read")).outcome == "refused"
    assert node.applied() == ["rules"]


def test_a_job_has_its_own_slot_and_its_end_removes_it(node):
    """The host's own slot stays."""
    node.keeper.take(*signed(1, "host"))
    node.keeper.take(*signed(2, "job", job="4711"))
    assert (node.in_force(), node.in_force("4711")) == ("host", "job")
    assert node.keeper.remove_job("4711") == ()
    assert (node.in_force(), node.in_force("4711")) == ("host", "")
    assert node.keeper.job("4711")[0] == ""


def token(**more: Any) -> Envelope:
    """An offline token of the server."""
    values = {"id": "a" * 32, "host": HOST, "not_before": NOW, "expires": NOW + 600, "lasts": 60, "why": "drill"}
    return signing.seal(SERVER, Release(**values | more))


def test_an_offline_token_opens_the_host_for_a_while_and_once(node):
    """Orders are refused meanwhile; afterwards what was in force returns. A second use is refused, restart or not."""
    node.keeper.take(*signed(1, "rules"))
    assert node.keeper.release(token()).verdict == "done"
    assert node.in_force() == ""
    assert node.keeper.job("4711")[0] == "released"
    assert node.keeper.take(*signed(2, "other")).error.startswith("released")
    node.again()
    assert node.in_force() == ""
    node.now += 61
    node.keeper.recover()
    assert node.in_force() == "rules"
    assert node.keeper.release(token()).why == "it was used before"


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (token(host="host:gpu0002"), "misaddressed"),
        (token(not_before=NOW - 10, expires=NOW), "expired"),
        (token(not_before=NOW + 60), "not valid before"),
        (
            signing.seal(STRANGER, Release(id="b" * 32, host=HOST, not_before=1, expires=NOW * 2, lasts=9, why="")),
            "forged",
        ),
        (signed(9)[0], "forged"),
    ],
)
def test_a_token_that_is_not_for_here_and_now_opens_nothing(node, made, why):
    """An order is no token either."""
    node.keeper.take(*signed(1, "rules"))
    answer = node.keeper.release(made)
    assert answer.verdict == "refused"
    assert answer.why.startswith(why)
    assert node.in_force() == "rules"


def test_a_target_that_lost_its_driver_is_told_and_not_forgotten(node):
    """Settings were changed under an enforcer that still had rules in force."""
    node.keeper.take(*signed(1, "rules"))
    node.slots.close()
    node.start({})
    assert [(one.state, one.error) for one in node.keeper.held()] == [(FAILED, "no driver for this target any more")]


def test_after_a_failed_order_and_a_reboot_what_was_last_good_is_brought_back(node):
    """The failed order is tried again first; it is told, with the digest of what stands."""
    node.keeper.take(*signed(1, "good"))
    (node.files / "fail").touch()
    assert node.keeper.take(*signed(2, "bad")).outcome == "failed"
    assert node.in_force() == "good"
    FileEnforcer(node.files, HOST, "").restore("")
    (node.files / "fail").touch()
    node.again()
    assert node.in_force() == "good"
    (held,) = node.keeper.held()
    assert (held.state, held.stands) == (FAILED, orders.digest("good"))
    assert node.keeper.take(*signed(3, "better")).outcome == "applied"
    (held,) = node.keeper.held()
    assert (held.state, held.stands) == (IN_FORCE, "")


def test_what_goes_while_the_enforcer_runs_is_noticed_brought_back_and_told_once(node):
    """Counted, in the journal, in a signed receipt of its own; what stands is left alone."""
    node.keeper.take(*signed(1, "rules"))
    assert not node.keeper.guard()
    FileEnforcer(node.files, HOST, "").restore("holes")
    assert node.keeper.guard()
    assert node.in_force() == "rules"
    assert node.slots.counter("mended") == 1
    assert node.lines[-1][0] == "enforcer.mended"
    key = signing.keyring([signing.public_hex(NODE)])
    sent = [signing.opened(msgspec.json.decode(one, type=Envelope), Receipt, key) for _, one, _ in node.slots.unsent()]
    assert [one.outcome for one in sent] == ["applied", "mended"]
    assert not node.keeper.guard()
    assert node.applied() == ["rules", "rules"]


def test_a_failed_slot_is_held_to_what_was_good_before_it(node):
    """A later look mends that, not what failed."""
    node.keeper.take(*signed(1, "good"))
    (node.files / "fail").touch()
    node.keeper.take(*signed(2, "bad"))
    FileEnforcer(node.files, HOST, "").restore("")
    assert node.keeper.guard()
    assert node.in_force() == "good"
    assert node.slots.find(TARGET, "").state == FAILED


def test_the_gate_reads_back_before_it_allows(node):
    """A job waits for rules that can be brought back, and is held where they cannot."""
    node.keeper.take(*signed(1, "job", job="4711"))
    FileEnforcer(node.files, HOST, "4711").restore("")
    assert asyncio.run(_verdict(node, "4711")).verdict == "allow"
    assert node.in_force("4711") == "job"

    class Stuck(FileEnforcer):
        def apply(self, artefact: Any) -> None:
            raise EnforceError("the disk is read-only")

    FileEnforcer(node.files, HOST, "4711").restore("")
    node.keeper._drivers = {TARGET: lambda where, job: Stuck(node.files, where, job)}
    held = asyncio.run(_verdict(node, "4711", "allow"))
    assert held.verdict == "hold"
    assert "read-only" in held.why
    said = len(node.slots.unsent())
    assert node.keeper.guard()
    assert len(node.slots.unsent()) == said, "told once, tried again at every look"
    node.keeper._drivers = drivers(node.files)
    assert node.keeper.guard()
    assert asyncio.run(_verdict(node, "4711")).verdict == "allow"


TABLE = """table inet ringfence {
\tset blocked4 {
\t\ttype ipv4_addr
\t\tflags timeout
\t\telements = { 10.0.0.9 timeout 1h expires 59m58s }
\t}

\tset peers {
\t\ttype ipv4_addr
\t\telements = { 10.0.0.1, 10.0.0.2 }
\t}

\tquota spent {
\t\tover 1000 bytes used 5 bytes
\t}

\tchain in {
\t\ttype filter hook input priority filter - 5; policy drop;
\t\tip saddr @peers counter packets 3 bytes 180 accept
\t\tsocket cgroupv2 level 2 "ringfence.slice/job_999999999999" accept
\t}
}
"""


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ("used 5 bytes", "used 900 bytes", True),
        ("packets 3 bytes 180", "packets 4 bytes 240", True),
        ("10.0.0.9 timeout 1h expires 59m58s", "10.0.0.8 timeout 1h expires 2s", True),
        ("10.0.0.1, 10.0.0.2", "10.0.0.2,\n\t\t\t     10.0.0.1", True),
        ('"ringfence.slice/job_999999999999"', "4711", True),
        ("10.0.0.1, 10.0.0.2", "10.0.0.1, 10.0.0.3", False),
        ("policy drop", "policy accept", False),
        ("\t\tip saddr @peers", "\t\taccept\n\t\tip saddr @peers", False),
        ("table inet ringfence {\n", "table inet ringfence {\n\tflags dormant\n", False),
    ],
)
def test_what_the_kernel_counts_is_no_difference_and_all_else_is(was, now, same):
    """Budgets, blocks that expire, control groups that are gone; not a member, a rule, a policy or a flag."""
    assert TABLE.count(was) == 1
    assert stands("nftables", TABLE, TABLE.replace(was, now)) == same


async def _verdict(node: Node, job: str, on_outage: str = "hold", *, connected: bool = False) -> Any:
    gate = Gate(node.keeper, on_outage, 0.05)
    gate.connected = connected
    return await gate.wait(job)


def test_the_gate_lets_a_job_start_once_its_compartment_is_in_force(node):
    """In a slot of its own, or in the host's artefact that covers it; not on another job's account."""
    node.keeper.take(*signed(1, "job", job="4711"))
    node.keeper.take(*signed(2, "host", covers=("4712", "4713")))
    verdicts = {job: asyncio.run(_verdict(node, job)).verdict for job in ("4711", "4712", "4713", "4714")}
    assert verdicts == {"4711": "allow", "4712": "allow", "4713": "allow", "4714": "hold"}


@pytest.mark.parametrize("on_outage", ["allow", "hold"])
@pytest.mark.parametrize("connected", [True, False])
def test_without_word_from_our_own_side_the_gate_says_what_it_was_set_to(node, on_outage, connected):
    """At the deadline, whether the server is gone or only late; and it says which."""
    answer = asyncio.run(_verdict(node, "4711", on_outage, connected=connected))
    assert answer.verdict == on_outage
    assert f"on_outage = {on_outage}" in answer.why
    assert ("connected but late" in answer.why) == connected


def test_a_failed_compartment_holds_its_job_whatever_the_outage_setting_is(node):
    """That is no outage: it is known that the compartment is not there."""
    (node.files / "fail").touch()
    node.keeper.take(*signed(1, "job", job="4711"))
    answer = asyncio.run(_verdict(node, "4711", "allow"))
    assert answer.verdict == "hold"
    assert "the test wants it so" in answer.why


def test_the_last_verdict_on_a_job_outlives_a_restart_and_ends_with_the_job(node):
    """While the next order is pending and the server away, what was said last is said again."""
    node.keeper.take(*signed(1, "host", covers=("4711",)))
    assert asyncio.run(_verdict(node, "4711")).verdict == "allow"
    slot = node.slots.find(TARGET, "")
    node.again()
    node.slots.finish(msgspec.structs.replace(slot, state=PENDING))
    assert "the last verdict" in asyncio.run(_verdict(node, "4711")).why
    node.keeper.remove_job("4711")
    assert asyncio.run(_verdict(node, "4711")).verdict == "hold"


def test_a_job_that_ended_needs_a_new_order_to_start_again(node):
    """The host's artefact still stands; the job's control group does not."""
    node.keeper.take(*signed(1, "host", covers=("4711", "4712")))
    node.keeper.remove_job("4711")
    assert asyncio.run(_verdict(node, "4711")).verdict == "hold"
    assert asyncio.run(_verdict(node, "4712")).verdict == "allow"


def test_a_waiting_job_starts_as_soon_as_its_order_is_carried_out(node):
    """Long before the deadline."""

    async def scene() -> Any:
        gate = Gate(node.keeper, "hold", 60)
        waiting = asyncio.create_task(gate.wait("4711"))
        await asyncio.sleep(0)
        node.keeper.take(*signed(1, "job", job="4711"))
        gate.changed()
        return await asyncio.wait_for(waiting, 10)

    assert asyncio.run(scene()).verdict == "allow"


def test_until_it_has_looked_the_enforcer_believes_nothing_on_its_disk(node):
    """After a reboot the disk says `in force` of tables that are empty."""
    node.keeper.take(*signed(1, "job", job="4711"))
    trusted = signing.keyring([signing.public_hex(SERVER)])
    fresh = Keeper(HOST, drivers(node.files), node.slots, trusted, NODE, lambda *_: None, time.time)
    assert fresh.job("4711")[0] == PENDING
    fresh.recover()
    assert fresh.job("4711")[0] == IN_FORCE


@pytest.mark.parametrize(
    "text",
    ["on_outage = 'open'", "deadline = 0", "dead_line = 3", "deadline = [", "socket = 5", "[[enforcer]]\nmain = 1"],
)
def test_bad_settings_are_an_error_that_names_the_file(tmp_path, text):
    """Nothing runs with settings that were not understood."""
    path = tmp_path / "enforcer.toml"
    path.write_text(text)
    with pytest.raises(InputError):
        drivers_of(read(path))


@pytest.mark.parametrize(
    "table",
    [
        {"target": "nothing"},
        {"target": "sshd"},
        {"target": "sshd", "main": "/a", "drop_in": "/b", "pid_file": "/c", "also": "/d"},
        {"target": "sshd", "main": 1, "drop_in": "/b", "pid_file": "/c"},
    ],
)
def test_a_driver_with_settings_that_it_does_not_take_is_refused_by_number(table):
    """Before anything is in force."""
    with pytest.raises(InputError, match="enforcer 1"):
        drivers_of(Settings(enforcer=(table,)))


def test_a_node_can_be_ordered_to_change_its_exports(tmp_path):
    """By the driver that the site file names for a local host; the command is split, and no shell reads it."""
    file = tmp_path / "ringfence.exports"
    table = {"target": "exports", "file": str(file), "announce": "true 'one word'"}
    made = drivers_of(Settings(enforcer=(table,)))["exports"](HOST, "")
    made.restore("/scratch 10.0.0.1(rw)\n")
    assert file.read_text() == made.read() == "/scratch 10.0.0.1(rw)\n"
    with pytest.raises(EnforceError, match="per host"):
        drivers_of(Settings(enforcer=(table,)))["exports"](HOST, "4711")


def test_an_unknown_slurm_user_is_an_error():
    """Rather than a socket that the hooks cannot use."""
    assert Settings().masters() == {0}
    assert len(Settings(slurm_user="nobody").masters()) == 2
    with pytest.raises(InputError):
        Settings(slurm_user="no-such-account").masters()
