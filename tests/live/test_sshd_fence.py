"""A real sshd refuses whom the compiled drop-in leaves out, and sessions that may no longer be are ended."""

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from ringfence.enforce.ssh import Sshd as Enforcer
from ringfence.enforce.ssh import end_sessions, sessions
from ringfence.errors import EnforceError
from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Policy
from ringfence.wire.host.logins import admits, read
from tests.live.sshd import Sshd, listening
from tests.segment.policies import fence

pytestmark = pytest.mark.live
HOST = "host:login1"
FROM = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.1.9")
POLICY = fence(
    "login",
    {
        "admins": ("identity:root@127.0.0.2",),
        "users": ("identity:nobody@127.0.0.2/31", "identity:nobody@127.0.1.0/24"),
        "login": (HOST,),
    },
    [("admins", "login", "any"), ("users", "login", "any")],
)
MEANT = {("root", "127.0.0.2"), ("nobody", "127.0.0.2"), ("nobody", "127.0.0.3"), ("nobody", "127.0.1.9")}


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with listening(extra="AllowUsers sys\n") as running:  # what others say globally gives way
        yield running


def artefact(policy: Policy = POLICY) -> Artefact:
    (only,) = WRITERS["sshd"].write(policy, Inventory(enforcers={"sshd": (HOST,)})).artefacts
    return only


def enforcer(server: Sshd) -> Enforcer:
    return Enforcer(HOST, server.main, server.drop_in, server.pid)


def test_real_logins_from_four_addresses_are_let_in_as_meant(server: Sshd) -> None:
    enforcer(server).apply(artefact())
    server.wait_until_listening()
    found = {(user, source) for user in ("root", "nobody") for source in FROM if server.lets_in(user, source)}
    assert found == MEANT
    assert (server.drop_in.stat().st_mode & 0o777) == 0o600


def test_our_reader_decides_as_the_patterns_that_sshd_itself_tells(server: Sshd) -> None:
    enforcer(server).apply(artefact())
    for user in ("root", "nobody", "sync"):
        for source in FROM:
            told = read(server.answers(user, source).encode())
            assert admits(told, user, source) == ((user, source) in MEANT)


def test_nobody_allowed_means_nobody_gets_in_and_restoring_opens_again(server: Sshd) -> None:
    ours = enforcer(server)
    ours.apply(artefact())
    before = ours.read()
    ours.apply(artefact(fence("login", {"login": (HOST,)}, [])))
    server.wait_until_listening()
    end = time.monotonic() + 10  # the old process may answer once more while the new one reads its configuration
    while server.lets_in("root", "127.0.0.2") and time.monotonic() < end:
        time.sleep(0.1)
    assert not server.lets_in("root", "127.0.0.2")
    ours.restore(before)
    server.wait_until_listening()
    assert server.lets_in("root", "127.0.0.2")
    assert ours.read() == before


def test_a_text_that_sshd_refuses_changes_nothing(server: Sshd) -> None:
    ours = enforcer(server)
    ours.apply(artefact())
    before = ours.read()
    with pytest.raises(EnforceError, match="invalid AllowUsers pattern"):
        ours.apply(Artefact("x", "Match all\n  AllowUsers !a@10.0.0.0/33\n", (HOST,)))
    assert ours.read() == before


def test_a_process_that_is_no_sshd_is_not_signalled(server: Sshd) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        with pytest.raises(EnforceError, match="no sshd"):
            Enforcer(HOST, server.main, server.drop_in, other.pid).apply(artefact())
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_session_of_one_who_is_no_longer_allowed_is_ended_and_others_stay(server: Sshd) -> None:
    ours = enforcer(server)
    both = fence("login", {"a": ("identity:root@127.0.0.2/31",), "login": (HOST,)}, [("a", "login", "any")])
    ours.apply(artefact(both))
    server.wait_until_listening()
    stays, goes = (
        subprocess.Popen(server.command("root", f"127.0.0.{at}", "cat"), stdin=subprocess.PIPE) for at in (2, 3)
    )
    try:
        assert _within(lambda: {one.address for one in sessions(server.pid)} == {"127.0.0.2", "127.0.0.3"})
        ours.apply(artefact())
        ended = end_sessions(server.pid, read(ours.read().encode()))
        assert [(one.user, one.address) for one in ended] == [("root", "127.0.0.3")]
        assert goes.wait(10) == 255
        assert stays.poll() is None
    finally:
        for one in (stays, goes):
            one.kill()
            one.wait()


def _within(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
