"""Events that nobody honest sends: every detector takes them, stays small and says little."""

from collections.abc import Iterator

from ringfence.estate.kinds import KINDS
from ringfence.watch.detector import Detector
from ringfence.watch.values import Signal
from ringfence.wire.ocsf.columns import COLUMNS
from ringfence.wire.ocsf.event import Event
from tests.watch.events import FakeSite, play, started, time, view

HOUR = 3600
LATER = 11 * HOUR
"""Seconds after which habits are learned."""
LONG = "x" * 5000
TEXTS = (
    "",
    "\x00\x1b[31m",
    "\u202egpj.exe",
    LONG,
    "a|b|c",
    "../../etc/passwd",
    "10.0.0.1",
    "11.9.9.9",
    "::1",
    "*",
    "\ud7ff",
)
NUMBERS = (0, -1, 1, 2**62, -(2**62), 65_536)
_HEADER = ("source", "seq", "time", "received", "class_uid", "activity_id", "device.hostname", "logsource")


def hostile(detector: Detector) -> list[Signal]:
    """The signals of odd events; the state is found small, and each signal fit to be shown."""
    events = [started(0, "job:odd", "gpu0001", LONG, job__user=LONG, job__kind="train"), *_odd(detector)]
    found = play(detector, events, view(site=FakeSite()), every=1e12)
    for one in found:
        assert len(one.key) <= 400
        assert len(one.why) <= 2000
        assert not any(ord(letter) < 32 for letter in one.why + one.key + "".join(one.entities))
        assert all(entity.partition(":")[0] in KINDS or not entity for entity in one.entities)
        assert all("#" in held for held in one.holds)
        assert len(one.evidence) <= 16
    return found


def _odd(detector: Detector) -> Iterator[Event]:
    """Every class that it sees, with the same oddity in every column."""
    for turn in range(60):
        text, number = TEXTS[turn % len(TEXTS)], NUMBERS[turn % len(NUMBERS)]
        fields = {
            column.name: text if column.type == "text" else number if column.type == "int" else float(number)
            for column in COLUMNS.values()
            if column.name not in _HEADER
        }
        if turn % 3 == 0:
            fields["job.uid"] = "job:odd"
        for uid in detector.about.sees:
            for activity in range(15) if turn < 12 else (turn % 15,):
                at = (turn * 997.0, LATER + turn, -1e9, 1e9)[turn % 4]
                yield Event(uid, activity, time(at), (text, "gpu0001")[turn % 2], "", fields, "host:gpu0001/agent", 0)
