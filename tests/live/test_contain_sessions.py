"""Logins at a real sshd are ended with all that they started; those of others go on."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ringfence.collect.processes import process
from ringfence.enforce.sessions import EndSessions
from ringfence.enforce.ssh import sessions
from ringfence.errors import EnforceError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import Sessions, decode, encode
from tests.live.netns import settled
from tests.live.sshd import Sshd, listening

pytestmark = pytest.mark.live

STUBBORN = (
    f"{sys.executable} -c 'import os, signal, time; signal.signal(1, signal.SIG_IGN); "
    "signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)'"
)
"""A command that a polite end does not impress, and that has no terminal."""


class Logins:
    """An sshd with logins from several addresses of the loopback, and the driver that ends them."""

    def __init__(self, server: Sshd, folder: Path, stack: ExitStack) -> None:
        self.server, self._stack = server, stack
        self.memory = folder / "sessions.json"
        self.driver = EndSessions("host:login", server.pid, self.memory)

    def login(self, at: int, command: str = "echo $$; exec cat") -> tuple[subprocess.Popen, int]:
        """A login of root from 127.0.0.`at`; its client, and the process that it runs."""
        argv = self.server.command("root", f"127.0.0.{at}", command)
        client = self._stack.enter_context(
            subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        self._stack.callback(client.kill)
        return client, int(client.stdout.readline())

    def end(self, wanted: Sessions) -> None:
        self.driver.apply(Artefact("x", encode(wanted), ("host:login",)))

    def addresses(self) -> set[str]:
        return {one.address for one in sessions(self.server.pid)}


@pytest.fixture
def logins(tmp_path: Path) -> Iterator[Logins]:
    with listening() as server, ExitStack() as stack:
        yield Logins(server, tmp_path, stack)


def test_logins_from_an_address_end_with_all_that_they_started_and_others_go_on(logins):
    gone, inside = logins.login(3, STUBBORN)
    stays, other = logins.login(2)
    assert logins.driver.read() == ""
    logins.end(Sessions(addresses=("127.0.0.3", "not an address")))
    assert logins.driver.read() == ""
    assert gone.wait(10) == 255
    assert settled(lambda: process(inside) is None)
    assert logins.addresses() == {"127.0.0.2"}
    assert process(other) is not None
    assert stays.poll() is None


def test_who_comes_back_is_told_and_ended_again_until_it_is_taken_back(logins):
    logins.end(Sessions(addresses=("127.0.0.0/30",)))
    back, _ = logins.login(3)
    wanted = Sessions(addresses=("127.0.0.0/30",))
    assert decode(logins.driver.read(), Sessions) == wanted
    logins.end(wanted)
    assert back.wait(10) == 255
    assert logins.driver.read() == ""
    logins.driver.restore("")
    assert not logins.memory.exists()
    again, _ = logins.login(3)
    assert logins.driver.read() == ""
    assert again.poll() is None


@pytest.mark.parametrize("user", ["root", "0"])
def test_an_account_is_named_or_numbered(logins, user):
    gone, _ = logins.login(2)
    logins.end(Sessions(users=("nobody",)))
    assert gone.poll() is None
    logins.end(Sessions(users=("nobody", user)))
    assert gone.wait(10) == 255
    assert logins.driver.read() == ""


def test_garbage_ends_nobody(logins):
    stays, _ = logins.login(2)
    for garbage in ("x", '{"type":"keys"}', '{"users":["root"],"more":1}'):
        with pytest.raises(EnforceError) as refused:
            logins.driver.apply(Artefact("x", garbage, ("host:login",)))
        assert refused.value.remedy == "nothing was changed"
    logins.end(Sessions())
    assert stays.poll() is None
    assert logins.addresses() == {"127.0.0.2"}
