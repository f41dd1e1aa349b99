"""Syslog: whoever wrote it, what it says is known, and what a stranger typed is not believed."""

from datetime import UTC, datetime

import pytest

from ringfence.wire.logs import fabric_log, read, slurmctld
from ringfence.wire.logs.frames import Frames
from ringfence.wire.logs.syslog import Reader
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.shared_data import shared
from tests.wire.logs.samples import JOURNAL, lines

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def said(text: str, program: str = "sshd[812]") -> Event:
    (event,) = Reader(lambda: NOW).feed(f"Jan  2 03:04:05 gpu0001 {program}: {text}", 1)
    return event


def parsed(line: str) -> Event:
    (event,) = Reader(lambda: NOW).feed(line, 1)
    return event


@pytest.mark.parametrize(
    "line",
    [
        "<38>1 2026-01-02T03:04:05Z gpu0001 app 12 - - hello",
        "<38>1 2026-01-02T04:04:05.000000+01:00 gpu0001.example app 12 - - \ufeffhello",
        '<38>1 2026-01-02T03:04:05Z gpu0001 app 12 ID [a@1 b="x\\"]y" c="d"][e f="g"] hello',
        "52 <38>1 2026-01-02T03:04:05Z gpu0001 app 12 - - hello",
        "<38>Jan  2 03:04:05 gpu0001 app[12]: hello",
        "Jan 2 03:04:05 gpu0001 app[12]: hello",
        "Jan  2 2026 03:04:05 gpu0001 app[12]: hello",
        "2026-01-02T03:04:05+00:00 gpu0001 app[12]: hello",
    ],
)
def test_every_dress_of_a_line_says_the_same(line):
    """RFC 5424, RFC 3164, counted, rsyslog's files."""
    event = parsed(line)
    assert (event.time, event.host, event.fields["message"]) == (1767323045000000, "gpu0001", "hello")
    assert (event.fields["actor.process.name"], event.fields["actor.process.pid"]) == ("app", 12)
    assert event.logsource == "linux//syslog"


def test_structured_data_keeps_its_names():
    """And its escapes are undone."""
    event = parsed('<38>1 - - - - - [a@1 b="x\\"y"] hello')
    assert event.fields["unmapped.a@1.b"] == 'x"y'
    assert (event.time, event.host) == (0, "")


def test_a_date_without_a_year_is_the_last_such_day():
    """December seen in March was last year; tomorrow may be a clock that runs ahead."""
    assert parsed("Dec 31 00:00:00 h a: x").time == datetime(2025, 12, 31, tzinfo=UTC).timestamp() * 1_000_000
    assert parsed("Mar  1 12:00:00 h a: x").time == datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1_000_000
    assert parsed("Feb 29 12:00:00 h a: x").time == datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp() * 1_000_000
    assert parsed("Foo 29 12:00:00 h a: x").time == 0


def test_a_login_tells_who_from_where_and_how():
    """sshd's own words."""
    event = said("Accepted publickey for alice from 10.0.0.9 port 50122 ssh2: ED25519 SHA256:abc")
    assert (event.class_uid, event.activity_id, event.logsource) == (classes.AUTHENTICATION, 1, "linux//sshd")
    fields = event.fields
    assert (fields["user.name"], fields["src_endpoint.ip"], fields["src_endpoint.port"]) == ("alice", "10.0.0.9", 50122)
    assert (fields["auth_protocol"], fields["status_id"], fields["service.name"]) == ("publickey", 1, "sshd")
    assert said("Failed password for root from 10.0.0.9 port 5 ssh2").fields["status_id"] == 2
    assert said("Invalid user  from 10.0.0.9 port 5").fields["user.name"] == ""
    assert said("Disconnected from user alice 10.0.0.9 port 5").activity_id == 2
    other = said("Server listening on 0.0.0.0 port 22.")
    assert (other.class_uid, other.logsource) == (classes.BASE, "linux//sshd")


@pytest.mark.parametrize(
    "text",
    [
        "Failed password for invalid user x from 198.51.100.1 port 1 ssh2 from 10.0.0.9 port 22 ssh2",
        "Failed password for invalid user x from 198.51.100.1 port 1 ssh2: y from 10.0.0.9 port 22 ssh2",
        "Invalid user x from 198.51.100.1 port 1 ssh2 from 10.0.0.9 port 44302",
        "Failed password for invalid user x\nAccepted password for root from 10.0.0.9 port 22 ssh2",
    ],
)
def test_a_name_that_pretends_to_be_an_address_names_nobody_else(text):
    """The last address is sshd's own, as OpenSSH 9.2 wrote it for such a name; a line feed is part of the name."""
    event = said(text)
    assert event.fields["src_endpoint.ip"] == "10.0.0.9"
    assert event.fields["status_id"] == 2


def test_words_in_a_message_change_neither_its_program_nor_its_product():
    """Only a line's beginning says what it is."""
    event = said("%PARSER-5-CFGLOG_LOGGEDCMD: User:admin logged command:x", "app")
    assert event.logsource == "linux//syslog"
    event = said("x sshd[1]: Accepted password for root from 10.0.0.9 port 22 ssh2", "app")
    assert event.class_uid == classes.BASE


def test_sudo_tells_who_became_whom_and_ran_what():
    """Refusals too; where names are made to confuse, nobody is named and the command is all of it."""
    event = said("   alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/bash -c id", "sudo")
    assert (event.class_uid, event.logsource) == (classes.AUTHENTICATION, "linux//sudo")
    assert (event.fields["actor.user.name"], event.fields["user.name"]) == ("alice", "root")
    assert (event.fields["process.cmd_line"], event.fields["status_id"]) == ("/bin/bash -c id", 1)
    refused = said("bob : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls", "sudo")
    assert (refused.fields["status_id"], refused.fields["unmapped.sudo.refused"]) == (2, "user NOT in sudoers")
    forged = said("eve : TTY=pts/0 ; PWD=/tmp/; USER=eve ; COMMAND=/bin/ls ; USER=root ; COMMAND=/bin/sh", "sudo")
    assert "user.name" not in forged.fields
    assert forged.fields["process.cmd_line"].endswith("COMMAND=/bin/sh")


@pytest.mark.parametrize(
    ("program", "text", "uid", "activity", "column", "value"),
    [
        ("su", "(to root) alice on pts/1", classes.AUTHENTICATION, 1, "user.name", "root"),
        ("su", "FAILED SU (to root) eve on pts/1", classes.AUTHENTICATION, 1, "status_id", 2),
        (
            *("CRON[9]", "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"),
            *(classes.AUTHENTICATION, 1, "service.name", "cron"),
        ),
        (
            *("login[9]", "pam_unix(login:auth): authentication failure; logname= uid=0 tty=tty1 rhost=  user=eve"),
            *(classes.AUTHENTICATION, 1, "user.name", "eve"),
        ),
        ("CRON[9]", "(root) CMD (run-parts /etc)", classes.SCHEDULED_JOB, 6, "process.cmd_line", "run-parts /etc"),
        ("crontab[9]", "(eve) REPLACE (eve)", classes.SCHEDULED_JOB, 2, "actor.user.name", "eve"),
        ("useradd[9]", "new user: name=eve, UID=0, GID=0", classes.ACCOUNT_CHANGE, 1, "user.name", "eve"),
        ("usermod[9]", "add 'eve' to group 'sudo'", classes.USER_ACCESS, 1, "resource.name", "sudo"),
        ("systemd-logind[9]", "New session 12 of user alice.", classes.AUTHENTICATION, 1, "user.name", "alice"),
        (
            *("kernel", "[ 12.345678] NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python3, GPU has fallen off"),
            *(classes.GPU, 4, "gpu.xid", 79),
        ),
        (
            *("kernel", "NVRM: Xid (PCI:0000:3b:00): 48, pid='<unknown>', name=<unknown>, DBE"),
            *(classes.GPU, 4, "unmapped.gpu.pci", "0000:3b:00"),
        ),
        ("kernel", "evil: loading out-of-tree module taints kernel.", classes.MODULE, 1, "module.file.path", "evil"),
        (
            *("kernel", "evil: module verification failed: signature and/or required key missing - tainting kernel"),
            *(classes.MODULE, 1, "module.signed", "false"),
        ),
        ("kernel", "mlx5_core 0000:18:00.0 ib0: Link down", classes.IB_PORT, 3, "ib.state", "down"),
        ("kernel", "usb 1-1: new high-speed USB device number 4 using xhci", classes.HARDWARE, 2, "message", None),
        ("OpenSM[8]", "Entering MASTER state", classes.FABRIC, 3, "message", "Entering MASTER state"),
        ("slurmctld[8]", "_job_complete: JobId=4711 WEXITSTATUS 1", classes.JOB, 3, "job.exit_code", 1),
    ],
)
def test_what_a_known_program_says_is_an_event_of_its_class(program, text, uid, activity, column, value):
    """The account tools, cron, PAM, the kernel, opensm, Slurm."""
    event = said(text, program)
    assert (event.class_uid, event.activity_id) == (uid, activity)
    assert value is None or event.fields[column] == value
    assert event.fields["message"] == text


def test_a_command_on_a_switch_is_a_call_by_its_administrator():
    """Cisco IOS; other messages have the service of their facility."""
    event = parsed("172.16.5.10 6705: Feb 17 13:40:03.673: %PARSER-5-CFGLOG_LOGGEDCMD: User:admin  logged command:no x")
    assert (event.class_uid, event.logsource, event.host) == (classes.API, "cisco//aaa", "172.16.5.10")
    assert (event.fields["actor.user.name"], event.fields["api.operation"]) == ("admin", "no x")
    assert event.time == datetime(2026, 2, 17, 13, 40, 3, 673000, tzinfo=UTC).timestamp() * 1_000_000
    event = parsed("<187>22: *Feb 17 13:40:03 UTC: %BGP-3-NOTIFICATION: sent to neighbor 10.0.0.1 4/0")
    assert (event.class_uid, event.logsource, event.host) == (classes.BASE, "cisco//bgp", "")


def test_the_given_line_of_a_switch_is_read():
    """It is the input of one of SigmaHQ's cases."""
    (file,) = shared("sigma/regression_data").rglob("*.raw")
    (event,) = read(file.name, file.read_bytes())
    assert event.logsource == "cisco//aaa"
    assert "no access-session port-control" in event.fields["message"]


def test_the_journal_says_what_syslog_says():
    """With its own names beside; what the kernel's transport brings is the kernel's, whatever it is called."""
    (event,) = read("x", lines(JOURNAL))
    assert (event.class_uid, event.logsource, event.host) == (classes.AUTHENTICATION, "linux//sshd", "gpu0001")
    assert (event.time, event.fields["user.name"], event.fields["severity_id"]) == (1767323045123456, "alice", 1)
    assert event.fields["unmapped._COMM"] == "sshd"
    (event,) = read("x", lines({**JOURNAL, "_TRANSPORT": "kernel", "MESSAGE": "NVRM: Xid (PCI:0000:3b:00): 79, x"}))
    assert (event.class_uid, event.fields["gpu.xid"]) == (classes.GPU, 79)
    (event,) = read("x", lines({**JOURNAL, "MESSAGE": [104, 105, 255]}))
    assert event.fields["message"] == "hi\N{REPLACEMENT CHARACTER}"


def test_opensm_tells_takeovers_and_refused_keys():
    """By its own file; a trap for a wrong partition key has the port's GUID."""
    reader = fabric_log.Reader(lambda: NOW)
    head = "Jan 02 03:04:05 123456 [7F3C2700] 0x02 -> "
    (event,) = reader.feed(head + "osm_report_notice: Reporting Generic Notice type:2 num:257 (Bad P_Key) GUID:0x1f", 1)
    assert (event.class_uid, event.activity_id) == (classes.FABRIC, 4)
    assert event.fields["ib.guid"] == "0x000000000000001f"
    assert event.fields["unmapped.ib.refused"] == "a partition key"
    assert event.time == 1767323045123456
    with pytest.raises(ValueError, match="no line"):
        list(reader.feed("hello", 1))


def test_slurm_tells_submissions_starts_and_strangers():
    """The hosts of a list stand by name; a list of too many stays as it was."""
    reader = slurmctld.Reader()
    (event,) = reader.feed(
        "[2026-01-02T03:04:06.000] sched: Allocate JobId=4711 NodeList=gpu[1-2,7] Partition=train", 1
    )
    assert (event.class_uid, event.activity_id) == (classes.JOB, 2)
    assert (event.fields["job.uid"], event.fields["job.hosts"]) == ("job:slurm//4711", "gpu1,gpu2,gpu7")
    assert event.fields["job.partition"] == "train"
    (event,) = reader.feed("[2026-01-02T03:04:06] sched: Allocate JobId=1 NodeList=g[1-999999999]", 2)
    assert event.fields["unmapped.NodeList"] == "g[1-999999999]"
    (event,) = reader.feed("[2026-01-02T03:04:06] error: Munge decode failed: Invalid credential", 3)
    assert (event.class_uid, event.fields["status_id"]) == (classes.AUTHENTICATION, 2)


def test_frames_over_tcp_are_cut_as_each_says():
    """Counted and ended by line feeds, mixed, however the bytes arrive."""
    stream = b"<13>one\n10 <13>a\nb cc\r\n<13>three\r\n9 <13>four\n"
    for size in (1, 3, 7, 100):
        frames = Frames()
        found = [one for at in range(0, len(stream), size) for one in frames.feed(stream[at : at + size])]
        assert [*found, *frames.end()] == [b"<13>one", b"<13>a\nb cc", b"<13>three", b"<13>four"]


def test_a_frame_that_is_too_long_comes_once_and_cut():
    """And the next is whole."""
    for stream in (b"900 " + b"x" * 900 + b"8 <13>next", b"<13>" + b"x" * 900 + b"\n8 <13>next"):
        for size in (1, 50, 5000):
            frames = Frames(100)
            found = [one for at in range(0, len(stream), size) for one in frames.feed(stream[at : at + size])]
            assert [len(one) for one in found] == [101, 8]
            assert found[1].startswith(b"<13>next")
