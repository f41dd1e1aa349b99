"""Incidents held against what is true."""

import json
from pathlib import Path

import pytest

from ringfence.app.watch.quality import Quality, Scorer, most, rows, score_files, sliced, summary
from ringfence.app.watch.truth import Attack, read_truth
from ringfence.errors import InputError
from ringfence.watch.batch import of_events
from ringfence.watch.single import Single
from ringfence.watch.site import Nowhere
from ringfence.watch.values import Incident, Signal
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

SECOND = 1_000_000
MINUTE, DAY = 60 * SECOND, 86400 * SECOND
T0 = 1_800_000_000 * SECOND


def attack(name: str, start: int, end: int, *entities: str, loudness: str = "loud") -> Attack:
    """An attack from one minute to another."""
    return Attack(name, "kind", T0 + start * MINUTE, T0 + end * MINUTE, frozenset(entities), loudness)


def incident(name: str, minute: float, *entities: str, why: dict[str, str] | None = None) -> Incident:
    """An incident with one signal of a minute."""
    at = T0 + int(minute * MINUTE)
    one = Signal("RF.D99", "detector", "", name, at, entities, (), "")
    return Incident(name, "", "open", 1, at, at, 50, 0.5, entities, (one,), why=why or {})


def scored(truth: list[Attack], *told: tuple[float, Incident]) -> Quality:
    """What these incidents, told at these minutes, are worth over a day."""
    scorer = Scorer(truth)
    for minute, one in told:
        scorer.take(T0 + int(minute * MINUTE), one)
    return scorer.quality(DAY)


def test_an_attack_is_found_by_an_incident_that_names_one_of_its_entities():
    """From its start until ten minutes after its end; the time runs from its start to when it was told."""
    found = scored([attack("a", 10, 20, "host:a", "job:j")], (14, incident("i", 12, "host:a")))
    assert (found.found, found.recall, found.median_s, found.false) == (1, 1.0, 240.0, 0)
    assert found.outcomes[0].by == ("RF.D99",)
    assert scored([attack("a", 10, 20, "host:a")], (29, incident("i", 29, "host:a"))).found == 1


@pytest.mark.parametrize("minute", [9, 31])
def test_an_incident_before_or_long_after_an_attack_is_false(minute: int):
    """It names the entity, at the wrong time."""
    found = scored([attack("a", 10, 20, "host:a")], (minute, incident("i", minute, "host:a")))
    assert (found.found, found.false) == (0, 1)


def test_an_incident_about_others_is_false():
    """And is counted by the signal that weighs most in it."""
    found = scored([attack("a", 10, 20, "host:a")], (12, incident("i", 12, "host:b")))
    assert (found.found, found.false, found.false_by) == (0, 1, {"RF.D99": 1})


def test_an_old_incident_that_is_updated_by_a_signal_of_the_attack_finds_it():
    """It was false until then, and is not any longer."""
    found = scored([attack("a", 10, 20, "host:a")], (2, incident("i", 2, "host:a")), (13, incident("i", 13, "host:a")))
    assert (found.found, found.false) == (1, 0)


def test_an_update_about_somebody_else_finds_nothing():
    """An entity that an incident names from before does not count."""
    old = incident("i", 2, "host:a")
    other = incident("i", 12, "host:b").signals[0]
    both = Incident("i", "", "open", 2, old.opened, old.updated, 50, 0.5, ("host:a", "host:b"), (*old.signals, other))
    assert scored([attack("a", 10, 20, "host:a")], (2, old), (12, both)).found == 0


def test_what_is_told_too_late_does_not_count_as_found_nor_as_false():
    """The signal is of the right time, but nobody heard of it in time."""
    found = scored([attack("a", 10, 20, "host:a")], (90, incident("i", 12, "host:a")))
    assert (found.found, found.false) == (0, 0)


def test_a_merged_incident_stands_with_the_one_that_it_was_merged_into():
    """It is neither counted twice nor lost."""
    merged = incident("i", 12, "host:a", why={"merged into": "k"})
    told = [(12, incident("i", 12, "host:a")), (13, incident("k", 5, "host:z")), (13, merged)]
    found = scored([attack("a", 10, 20, "host:a")], *told)
    assert (found.found, found.false, found.incidents) == (1, 0, 1)


def test_every_kind_is_printed_those_never_found_too():
    """Zero percent is a result."""
    found = scored([attack("a", 1, 2, "host:a"), attack("b", 1, 2, "host:b", loudness="stealthy")])
    assert [(row[1], row[2], row[3]) for row in rows(found)] == [("loud", "0/1", "0 %"), ("stealthy", "0/1", "0 %")]
    assert found.by_loudness == {"loud": (0, 1), "stealthy": (0, 1)}


def test_with_no_truth_every_incident_is_false():
    """Nothing happened, says the file."""
    found = scored([], (1, incident("i", 1, "host:a")), (2, incident("k", 2, "host:b")))
    assert (found.recall, found.false, found.false_a_day) == (None, 2, 2.0)
    assert any("2 false incidents" in line for line in summary(found))


def test_the_upper_bound_is_that_of_poisson():
    """Three for none seen, as the rule of three has it; 4.74 for one (Garwood, 95 %, one-sided)."""
    assert most(0) == pytest.approx(2.996, abs=0.001)
    assert most(1) == pytest.approx(4.744, abs=0.001)


def test_truth_is_read_from_json_lines(tmp_path: Path):
    """Times with and without a zone are UTC; empty lines are none."""
    times = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-05T01:00:00"}
    line = {"id": "a", "kind": "k", "entities": ["host:a"], **times}
    (tmp_path / "truth.jsonl").write_text(json.dumps(line) + "\n\n")
    (one,) = read_truth(tmp_path / "truth.jsonl")
    assert (one.end - one.start, one.loudness) == (3600 * SECOND, "")


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"id": "a"}',
        '{"id":"a","kind":"k","start":"soon","end":"2026-01-05T01:00:00","entities":[]}',
        '{"id":"a","kind":"k","start":"2026-01-05T02:00:00","end":"2026-01-05T01:00:00","entities":[]}',
    ],
)
def test_a_line_that_is_no_truth_is_named(tmp_path: Path, text: str):
    """With its number."""
    (tmp_path / "truth.jsonl").write_text("\n" + text)
    with pytest.raises(InputError) as wrong:
        read_truth(tmp_path / "truth.jsonl")
    assert wrong.value.line == 2


def test_two_attacks_with_one_id_are_an_error(tmp_path: Path):
    """Otherwise one would stand for both."""
    line = '{"id":"a","kind":"k","start":"2026-01-05T00:00:00","end":"2026-01-05T01:00:00","entities":[]}\n'
    (tmp_path / "truth.jsonl").write_text(line * 2)
    with pytest.raises(InputError):
        read_truth(tmp_path / "truth.jsonl")


def test_a_batch_is_played_a_minute_at_a_time():
    """So that an incident is told when it can be known; a late row goes with its neighbours."""
    times = [0, 10, 59, 61, 30, 200]
    batch = of_events([Event(classes.BASE, 0, T0 + at * SECOND, "a", "") for at in times])
    assert [len(part) for part in sliced(batch)] == [3, 2, 1]


def test_a_folder_of_logs_is_scored(tmp_path: Path):
    """Without detectors nothing is found, and the days are those of the logs."""
    rows_ = [{"time": f"2026-01-05T{hour:02d}:00:00Z", "host": "a", "message": "x"} for hour in range(13)]
    (tmp_path / "a.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows_))
    found = score_files(Single((), Nowhere()), tmp_path, [attack("a", 1, 2, "host:a")])
    assert (found.quality.attacks, found.quality.found) == (1, 0)
