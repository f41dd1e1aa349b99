"""Windows events: whatever tool wrote them down, rules find the same names."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import Problem
from ringfence.wire.logs import evtx, read, windows
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.shared_data import shared
from tests.wire.logs.evtx_writer import sysmon, written
from tests.wire.logs.samples import SYSMON, WINLOGBEAT, lines


def one(record: object) -> Event:
    (event,) = read("x", lines(record))
    assert isinstance(event, Event)
    return event


def plain(event: Event) -> Event:
    """Without blanks at the end of texts, which the writers of the given JSON files cut."""
    kept = {name: value.strip() if isinstance(value, str) else value for name, value in event.fields.items()}
    return msgspec.structs.replace(event, fields=kept)


def test_a_started_process_has_its_program_parent_account_and_the_rest():
    """Sysmon's event 1: mapped names in columns, the others by their own."""
    event = one(SYSMON)
    assert (event.class_uid, event.activity_id) == (classes.PROCESS, 1)
    assert (event.host, event.logsource) == ("ws1", "windows/process_creation/sysmon")
    assert event.time == 1767323045123456
    assert event.fields["process.file.path"] == "C:\\Windows\\System32\\sc.exe"
    assert event.fields["actor.process.name"] == "cmd.exe"
    assert event.fields["process.pid"] == 42
    assert event.fields["unmapped.Company"] == "Contoso"
    assert event.fields["unmapped.Provider_Name"] == "Microsoft-Windows-Sysmon"
    assert event.fields["unmapped.device.hostname"] == "WS1.corp.example"


def test_winlogbeat_gives_the_same_names():
    """A failed logon of the Security channel."""
    event = one(WINLOGBEAT)
    assert (event.class_uid, event.logsource, event.host) == (classes.AUTHENTICATION, "windows//security", "dc1")
    assert event.fields["user.name"] == "bob"
    assert event.fields["src_endpoint.ip"] == "10.9.9.9"
    assert event.fields["status_id"] == 2
    assert event.fields["unmapped.LogonType"] == "3"
    assert event.fields["message"] == "An account failed to log on."


def test_a_flat_event_gives_the_same_names():
    """As NXLog and others write them."""
    record = {"EventID": 3, "Channel": windows.SYSMON, "Hostname": "ws1", "UtcTime": "2026-01-02 03:04:05.100"}
    event = one(record | {"DestinationIp": "10.0.0.2", "DestinationPort": "443", "Image": "C:\\a.exe"})
    assert (event.class_uid, event.logsource) == (classes.NETWORK, "windows/network_connection/sysmon")
    assert event.fields["dst_endpoint.port"] == 443
    assert event.fields["actor.process.file.path"] == "C:\\a.exe"


def test_the_security_channel_tells_started_processes_too():
    """Event 4688: its own names lead to the same columns; numbers in hexadecimal keep their text."""
    data = {"NewProcessName": "C:\\b.exe", "NewProcessId": "0x1f4", "ProcessId": "0x10", "SubjectUserName": "alice"}
    record = {"Event": {"System": {"EventID": 4688, "Channel": "Security", "Computer": "x"}, "EventData": data}}
    event = one(record)
    assert event.logsource == "windows/process_creation/security"
    assert event.fields["process.file.path"] == "C:\\b.exe"
    assert event.fields["process.pid"] == 500
    assert event.fields["actor.process.pid"] == 16
    assert event.fields["unmapped.NewProcessId"] == "0x1f4"


@pytest.mark.parametrize(
    ("channel", "number", "kind", "category", "service"),
    [
        (windows.SYSMON, 12, "CreateKey", "registry_add", "sysmon"),
        (windows.SYSMON, 12, "DeleteKey", "registry_delete", "sysmon"),
        (windows.SYSMON, 22, "", "dns_query", "sysmon"),
        ("Microsoft-Windows-PowerShell/Operational", 4104, "", "ps_script", "powershell"),
        ("Windows PowerShell", 400, "", "ps_classic_start", "powershell-classic"),
        ("System", 7045, "", "", "system"),
        ("Microsoft-Windows-Windows Defender/Operational", 1116, "", "", "windefend"),
        ("Of Nobody", 1, "", "", ""),
    ],
)
def test_the_log_source_follows_channel_and_number(channel, number, kind, category, service):
    """As Sigma's taxonomy has them."""
    record = {"EventID": number, "Channel": channel, "EventType": kind, "@timestamp": "2026-01-02T03:04:05Z"}
    assert one(record).logsource == f"windows/{category}/{service}"


def test_lists_and_user_data_keep_their_values():
    """Unnamed strings are one text, a line each; what wraps user data is left out."""
    system = {"EventID": 400, "Channel": "Windows PowerShell", "Computer": "x"}
    event = one({"Event": {"System": system, "EventData": {"Data": {"#text": ["HostName=ConsoleHost", "b"]}}}})
    assert event.fields["unmapped.Data"] == "HostName=ConsoleHost\nb"
    user = {"LogFileCleared": {"#attributes": {"xmlns": "u"}, "SubjectUserName": "eve"}}
    event = one({"Event": {"System": {"EventID": 104, "Channel": "System", "Computer": "x"}, "UserData": user}})
    assert event.class_uid == classes.EVENT_LOG
    assert event.fields["unmapped.SubjectUserName"] == "eve"


def test_every_given_event_log_equals_its_json():
    """106 binary logs and their twins, all of them, field by field."""
    files = sorted(shared("sigma/regression_data").rglob("*.evtx"))
    assert len(files) == 106
    for file in files:
        binary, text = (list(read(one.name, one.read_bytes())) for one in (file, file.with_suffix(".json")))
        assert binary
        assert not [one for one in (*binary, *text) if isinstance(one, Problem)], file
        assert [plain(event) for event in binary] == [plain(event) for event in text], file


def test_the_given_single_objects_are_read():
    """One is named neither JSON nor anything else."""
    (file,) = shared("sigma/regression_data").rglob("*.jsoncls")
    (event,) = read(file.name, file.read_bytes())
    assert event.logsource == "windows/process_creation/sysmon"


def test_a_damaged_event_log_is_a_problem_and_not_the_end():
    """Cut, flipped and emptied: nothing is raised, and what can still be read is."""
    file = min(shared("sigma/regression_data").rglob("*.evtx"), key=lambda path: path.stat().st_size)
    data = bytearray(file.read_bytes())
    for at in range(0, 12_000, 173):
        broken = bytearray(data)
        broken[at] ^= 0xFF
        assert all(isinstance(one, (Event, Problem)) for one in read("x", bytes(broken)))
    for size in (8, 100, 4096, 5000):
        assert all(isinstance(one, (Event, Problem)) for one in read("x", bytes(data[:size])))


def test_a_log_of_our_own_is_read_as_its_json_is():
    """Written by a small writer: two records, their names and values as they were given."""
    name, words = "C:\\a.exe", "a b \U0001f9ea"
    data = written(sysmon(1, "WS1.corp.example", Image=name, CommandLine=words), sysmon(5, "ws2", Image=name))
    first, second = read("x.evtx", data)
    assert (first.host, first.logsource, first.time) == ("ws1", "windows/process_creation/sysmon", 1767323045123456)
    assert (first.fields["process.file.path"], first.fields["process.cmd_line"]) == (name, words)
    assert (second.host, second.logsource) == ("ws2", "windows/process_termination/sysmon")


@given(seed=st.integers(0, 1 << 30))
@settings(max_examples=60, deadline=None)
def test_a_log_of_our_own_may_be_damaged_anywhere(seed):
    """Lengths, offsets, tokens: native code reads them, and what it says is a problem."""
    draw = random.Random(seed)
    data = bytearray(written(*(sysmon(1, f"ws{number}", Image="a", CommandLine="b" * 30) for number in range(8))))
    for _ in range(draw.randint(1, 6)):
        at = draw.choice((draw.randrange(128), 4096 + draw.randrange(512), 4608 + draw.randrange(4000)))
        data[at : at + 2] = draw.randbytes(2)
    assert all(isinstance(one, (Event, Problem)) for one in read("x", bytes(data)))


@pytest.mark.parametrize("table", [128, 128 + 4 * 63, 384])
def test_names_that_lead_back_to_themselves_keep_nobody_waiting(table):
    """The parser would follow them for ever: such a chunk is told and left out, the others are read."""
    good = written(sysmon(1, "ws1", Image="a"))
    chunk = bytearray(good[4096:])
    for at, link in ((table, 700), (700, 900), (900, 700)):
        chunk[at : at + 4] = link.to_bytes(4, "little")
    problem, event = read("x", good[:4096] + bytes(chunk) + good[4096:])
    assert "lead back" in problem.what
    assert event.host == "ws1"


def test_what_only_begins_as_an_event_log_is_a_problem():
    """The magic alone is no log."""
    (problem,) = read("x", evtx.MAGIC + b"\0" * 100)
    assert isinstance(problem, Problem)
