"""An incident as JSON, in our shape and as OCSF's."""

from ringfence.app.watch.shown import finding, shown, utc
from ringfence.watch.values import Incident, Signal

SIGNALS = (
    Signal(
        "RF.D15", "detector", "A credential is read", "k", 2_000_000, ("host:a",), ("host:a/files",), "late", since=0
    ),
    Signal("rule-1", "rule", "A rule", "k", 1_000_000, ("host:a",), (), "early", count=3),
)
ONE = Incident("RF-1", "A credential is read", "open", 1, 1_000_000, 2_000_000, 72, 0.8, ("host:a",), SIGNALS)


def test_times_are_utc_and_signals_stand_by_time():
    """First seen first; every documented name is there."""
    found = shown(ONE)
    assert (found["opened"], found["updated"]) == ("1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z")
    assert [one["why"] for one in found["signals"]] == ["early", "late"]
    assert {"id", "version", "title", "state", "severity", "confidence", "entities", "chain", "stake", "phase"} <= set(
        found
    )
    assert {"sources", "why", "threats", "atlas", "attack", "suppressed"} <= set(found)
    assert utc(1_500_000) == "1970-01-01T00:00:01.500Z"


def test_the_finding_is_ocsf_incident_finding():
    """Class, activity and severity by number, times in milliseconds, one info for each signal."""
    found = finding(ONE)
    assert (found["class_uid"], found["type_uid"], found["severity_id"], found["time"]) == (2005, 200501, 4, 2000)
    assert [one["analytic"]["uid"] for one in found["finding_info_list"]] == ["RF.D15", "rule-1"]
    assert found["metadata"]["uid"] == "RF-1/1"
