"""Linux audit: records stay what they are, and know what the others of their serial tell."""

import pytest

from ringfence.errors import Problem
from ringfence.wire.logs import auditd, read
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.wire.logs.samples import AUDITD

CALL = "type=SYSCALL msg=audit(1767323045.123:9): arch=c000003e success=yes pid=2 ppid=1 uid=0 auid=4294967295 "
CALL += 'comm="p" exe="/usr/bin/p" '


def of(text: str) -> list[Event]:
    found = list(read("audit.log", text.encode()))
    assert not [one for one in found if isinstance(one, Problem)]
    return found


def test_a_started_process_is_joined_from_its_records():
    """Program and account from SYSCALL, arguments from EXECVE, folder from CWD."""
    events = of(AUDITD)
    assert [event.fields["unmapped.type"] for event in events] == ["SYSCALL", "EXECVE", "CWD", "PATH", "PROCTITLE"]
    started = events[1]
    assert (started.class_uid, started.activity_id) == (classes.PROCESS, 1)
    assert (started.logsource, started.host) == ("linux/process_creation/auditd", "gpu0001")
    expected = {
        "process.pid": 11,
        "process.file.path": "/usr/bin/bash",
        "process.cmd_line": "bash -c curl x",
        "process.user.name": "root",
        "process.working_directory": "/root",
        "actor.process.pid": 10,
        "actor.user.name": "alice",
        "actor.user.uid": 1000,
    }
    assert {name: started.fields[name] for name in expected} == expected
    assert all(event.logsource == "linux//auditd" for event in events if event is not started)


def test_each_record_keeps_its_own_names():
    """Rules ask for `type` together with `a0`, `SYSCALL`, `name` or `key` of the same record."""
    call, execve, _, path, title = (event.fields for event in of(AUDITD))
    assert (call["unmapped.a0"], call["unmapped.SYSCALL"], call["unmapped.key"]) == ("55d", "execve", "x")
    assert (execve["unmapped.a0"], execve["unmapped.a2"]) == ("bash", "curl x")
    assert path["unmapped.name"] == "/usr/bin/bash"
    assert title["unmapped.proctitle"] == "bash -c"
    assert "unmapped.key" not in execve


def test_a_call_without_a_name_has_it_by_its_number():
    """Logs that auditd did not enrich; of x86-64 and of 64-bit Arm."""
    (event,) = of(CALL + "syscall=319\n")
    assert event.fields["unmapped.SYSCALL"] == "memfd_create"
    (event,) = of(CALL.replace("c000003e", "c00000b7") + "syscall=221\n")
    assert event.fields["unmapped.SYSCALL"] == "execve"


@pytest.mark.parametrize(
    ("number", "record", "uid", "activity", "column", "value"),
    [
        (257, 'type=PATH {}: item=0 name="w.pt" nametype=NORMAL', classes.FILE, 14, "file.path", "/data/w.pt"),
        (257, 'type=PATH {}: item=0 name="w.pt" nametype=CREATE', classes.FILE, 1, "file.name", "w.pt"),
        (87, "type=PATH {}: item=0 name=2F612062 nametype=DELETE", classes.FILE, 4, "file.path", "/a b"),
        (
            *(42, "type=SOCKADDR {}: saddr=02001F900A0000050000000000000000"),
            *(classes.NETWORK, 1, "dst_endpoint.ip", "10.0.0.5"),
        ),
        (
            *(42, "type=SOCKADDR {}: saddr=0A0001BB00000000FE80000000000000000000000000000100000000"),
            *(classes.NETWORK, 1, "dst_endpoint.port", 443),
        ),
        (313, 'type=KERN_MODULE {}: name="evil"', classes.MODULE, 1, "module.file.path", "evil"),
    ],
)
def test_a_call_and_its_record_are_an_event_of_their_class(number, record, uid, activity, column, value):
    """Files, connections, modules; who did it stands beside."""
    stamp = "msg=audit(1767323045.123:9)"
    events = of(f'{CALL}syscall={number}\ntype=CWD {stamp}: cwd="/data"\n{record.format(stamp)}\n')
    (event,) = (one for one in events if one.class_uid == uid)
    assert event.activity_id == activity
    assert event.fields[column] == value
    assert event.fields["actor.process.file.path"] == "/usr/bin/p"
    assert "actor.user.uid" not in event.fields


def test_logins_and_accounts_tell_by_themselves():
    """Records of user space, whose own words stand within quotes."""
    head = "type={} msg=audit(1767323045.123:{}): pid=1 uid=0 auid=1000 ses=3 "
    said = 'msg=\'op=login acct="alice" exe="/usr/sbin/sshd" hostname=h addr=10.0.0.9 terminal=ssh res=failed\'\n'
    login, added = of(head.format("USER_LOGIN", 1) + said + head.format("ADD_USER", 2) + said)
    assert (login.class_uid, login.fields["status_id"], login.fields["user.name"]) == (
        classes.AUTHENTICATION,
        2,
        "alice",
    )
    assert (login.fields["src_endpoint.ip"], login.fields["service.name"]) == ("10.0.0.9", "sshd")
    assert (added.class_uid, added.fields["unmapped.type"]) == (classes.ACCOUNT_CHANGE, "ADD_USER")


def test_serials_may_be_mixed_and_many_may_be_open():
    """Two calls at once on two processors; what never ends comes in the end."""
    one, two = (AUDITD.replace(":456)", f":{number})").strip().split("\n") for number in (1, 2))
    mixed = "\n".join(line for pair in zip(one, two, strict=True) for line in pair)
    assert sum(event.class_uid == classes.PROCESS for event in of(mixed)) == 2
    events = of("".join(CALL.replace(":9)", f":{number})") + "syscall=1\n" for number in range(500)))
    assert len({event.fields["unmapped.serial"] for event in events}) == len(events) == 500


def test_a_long_argument_is_put_together_from_its_pieces():
    """And a command of very many arguments keeps them all."""
    text = 'type=EXECVE msg=audit(1767323045.123:9): argc=2 a0="x" a1_len=4 a1[0]=6162 a1[1]=6364\n'
    (event,) = of(text)
    assert event.fields["process.cmd_line"] == "x abcd"
    many = " ".join(f'a{number}="v{number}"' for number in range(2000))
    (event,) = of(f"type=EXECVE msg=audit(1767323045.123:9): argc=2000 {many}\n")
    assert event.fields["process.cmd_line"].endswith("v1999")
    assert len(event.fields) < 300
    assert '"a1999":"v1999"' in event.fields["unmapped.more"]


def test_a_line_that_is_no_record_is_refused():
    """The reader says so; whoever feeds it makes it a problem."""
    with pytest.raises(ValueError, match="no record"):
        auditd.Reader().feed("hello", 1)


def test_a_space_before_the_colon_is_no_other_form():
    """Some tools write it so."""
    spaced = AUDITD.replace("): ", ") : ")
    assert spaced != AUDITD
    fields = [{**event.fields, "message": ""} for event in of(AUDITD)]
    assert [{**event.fields, "message": ""} for event in of(spaced)] == fields
