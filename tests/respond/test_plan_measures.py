"""What fits what was noticed: a table that covers every detector, and whom it believes."""

import pytest

from ringfence.app.guard.ground import ground_of
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.threats import THREATS
from ringfence.respond.grade import GRADES, grade
from ringfence.respond.measures import BY_THREAT, MEASURES, measure, peers, whom
from ringfence.respond.verbs import VERBS, Grade
from ringfence.watch.detectors import DETECTORS
from ringfence.watch.values import Incident, Signal

GROUND = ground_of(
    estate_of([Fact("host:a", "attached_to", "network:10.0.0.0/24", {"address": "10.0.0.1"})]), frozenset()
)


def told(name: str = "RF.D04", **said: object) -> Signal:
    whole: dict[str, object] = {
        "kind": "detector",
        "title": "",
        "key": "",
        "time": 0,
        "entities": ("host:b",),
        "sources": (),
        "why": "",
    }
    return Signal(name=name, **(whole | said))  # type: ignore[arg-type]


def test_every_detector_has_its_measure_and_no_other_has() -> None:
    assert set(MEASURES) == {one.about.id for one in DETECTORS}


def test_measures_name_verbs_and_threats_that_exist() -> None:
    assert all(verb in VERBS for one in (*MEASURES.values(), *BY_THREAT.values()) for verb in one.verbs)
    assert set(BY_THREAT) <= set(THREATS)


def test_a_rule_is_met_by_its_threat_or_by_the_general_measure() -> None:
    assert measure(told("some-rule", threats=("RF.T99", "RF.T02"))).out
    assert not measure(told("some-rule")).out


def test_only_what_is_an_address_is_blocked() -> None:
    said = ("198.51.100.7", "2001:db8::5", "files.example", "127.0.0.1", "198.51.100", "999.1.1.1", "0.0.0.0", "")
    assert peers(told(peers=said), GROUND, []) == ("198.51.100.7", "2001:db8::5")


def test_an_address_that_is_only_quoted_is_not_blocked() -> None:
    assert peers(told(why="sent 900 MB out, lately to 198.51.100.7", key="a|198.51.100.7"), GROUND, []) == ()


def test_a_peer_among_our_own_hosts_is_blocked_by_its_address() -> None:
    assert whom(told("RF.D01", entities=("host:b", "job:slurm/c/1", "host:a")), GROUND).peers == ("10.0.0.1",)


def test_root_and_everybody_are_no_accounts_to_cut() -> None:
    assert whom(told(entities=("host:b", "identity:root", "identity:*", "identity:eve")), GROUND).users == (
        "identity:eve",
    )


def incident(severity: int, confidence: float, *sources: str) -> Incident:
    return Incident("RF-1", "", "open", 1, 0, 0, severity, confidence, (), (), sources=sources)


@pytest.mark.parametrize(
    ("severity", "confidence", "sources", "minutes", "expected"),
    [
        (90, 0.9, ("a", "b"), 60.0, Grade.EXPEL),
        (90, 0.9, ("a",), 60.0, Grade.ISOLATE),
        (60, 0.5, ("a",), 60.0, Grade.BLOCK),
        (60, 0.5, ("a",), 2.0, Grade.ISOLATE),
        (60, 0.5, ("a",), 5000.0, Grade.THROTTLE),
        (20, 0.3, ("a",), 5000.0, Grade.WATCH),
        (200, 3.0, (), 60.0, Grade.WATCH),
    ],
)
def test_how_hard_follows_what_is_known_and_how_near_a_jewel_is(
    severity: int, confidence: float, sources: tuple[str, ...], minutes: float, expected: Grade
) -> None:
    assert grade(incident(severity, confidence, *sources), (minutes, minutes), True) == expected


def test_the_table_of_grades_falls_from_hard_to_soft() -> None:
    assert [one.grade for one in GRADES] == sorted((one.grade for one in GRADES), reverse=True)
