"""A mapping file makes any tool's NDJSON known."""

import pytest

from ringfence.errors import InputError, Problem
from ringfence.wire.logs import mapping, read_as
from ringfence.wire.ocsf import classes
from tests.wire.logs.samples import lines

VPN = """
name = "vpn"
class = "authentication"
activity = "logon"
logsource = "linux//vpn"
time = "at.when"
host = "server"
[only]
"event" = "login"
[columns]
"user.name" = "who"
"src_endpoint.ip" = "from.ip"
"src_endpoint.port" = "from.port"
"status_id" = "result"
[constants]
"service.name" = "vpn"
[values."status_id"]
ok = 1
refused = 2
"""
LOGIN = {
    "event": "login",
    "at": {"when": "2026-01-02T03:04:05Z"},
    "server": "gate1.example",
    "who": "alice",
    "from": {"ip": "10.0.0.9", "port": "50122"},
    "result": "refused",
    "device": {"os": "linux"},
}


def made(text: str, *records: object) -> list[object]:
    return list(read_as(mapping.form(mapping.parse(text.encode())), "x", lines(*records)))


def test_a_mapped_line_is_an_event_of_its_class():
    """Paths, constants and what a value stands for; the rest is kept by its names."""
    (event,) = made(VPN, LOGIN)
    assert (event.class_uid, event.activity_id, event.host) == (classes.AUTHENTICATION, 1, "gate1")
    assert (event.logsource, event.time) == ("linux//vpn", 1767323045000000)
    assert event.fields == {
        "user.name": "alice",
        "src_endpoint.ip": "10.0.0.9",
        "src_endpoint.port": 50122,
        "status_id": 2,
        "service.name": "vpn",
        "unmapped.event": "login",
        "unmapped.at.when": "2026-01-02T03:04:05Z",
        "unmapped.server": "gate1.example",
        "unmapped.result": "refused",
        "unmapped.device.os": "linux",
        "unmapped.device.hostname": "gate1.example",
    }


def test_a_line_that_the_mapping_does_not_mean_is_a_base_event():
    """It is not lost, and it is no login."""
    (event,) = made(VPN, {**LOGIN, "event": "rekey"})
    assert (event.class_uid, event.activity_id) == (classes.BASE, 99)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("seconds", 1767323045),
        ("milliseconds", 1767323045000),
        ("nanoseconds", 1767323045000000000),
        ("%d/%b/%Y:%H:%M:%S", "02/Jan/2026:03:04:05"),
        ("%d/%b/%Y:%H:%M:%S %z", "02/Jan/2026:04:04:05 +0100"),
    ],
)
def test_times_are_read_as_the_mapping_says(form, value):
    """Numbers by their unit, texts by their format."""
    (event,) = made(f'name="n"\nclass=0\ntime="t"\ntime_format="{form}"\n', {"t": value})
    assert event.time == 1767323045000000


@pytest.mark.parametrize("value", [None, "soon", -5, 1e300, {"a": 1}])
def test_a_line_without_its_time_is_a_problem(value):
    """The mapping promised one."""
    (problem,) = made('name="n"\nclass=0\ntime="t"\ntime_format="seconds"\n', {"t": value})
    assert isinstance(problem, Problem)


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        'name = "n"',
        'name = "n"\nclass = "nothing"',
        'name = "n"\nclass = 5',
        'name = ""\nclass = 0',
        'name = "n"\nclass = 0\nlogsource = "x"',
        'name = "n"\nclass = "authentication"\nactivity = "fly"',
        'name = "n"\nclass = 0\n[columns]\n"no.such" = "x"',
        'name = "n"\nclass = 0\n[columns]\n"source" = "x"',
        'name = "n"\nclass = 0\ntime_format = "whenever"',
        'name = "n"\nclass = 0\nsurprise = 1',
        'name = "\xff"\nclass = 0',
    ],
)
def test_a_mapping_that_means_nothing_is_refused(text):
    """Before any line is read; who sent a line is for no mapping to say."""
    with pytest.raises(InputError):
        mapping.parse(text.encode("latin-1"))
