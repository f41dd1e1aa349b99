"""What is only assumed closes nothing that was measured, and lowers coverage by name."""

from collections.abc import Sequence

from ringfence.app.assess.debt import history
from ringfence.app.assess.debt_shown import shown
from ringfence.assess.assumed import MARK, measured
from ringfence.assess.checks import CHECK
from ringfence.assess.debt.coverage import coverage_of
from ringfence.assess.debt.findings import findings
from ringfence.assess.debt.ledger import Entry, State, Window, ledger
from ringfence.assess.debt.verdict import Pace
from ringfence.assess.judge import judge
from ringfence.collect import coverage
from ringfence.collect.coverage import completed
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact

DAY = 86_400.0
START = 1.7e9
CHECKS = (CHECK["RF-H02"],)
CLUSTER = "cluster:c"


def captured(name: str, root: str = "no") -> list[Fact]:
    """What the sshd of one host says."""
    told = f"hosts/{name}/sshd_config"
    return [
        Fact(f"host:{name}", "setting", f"sshd.permitrootlogin={root}", {}, told),
        Fact(f"host:{name}", "setting", "sshd.allowagentforwarding=no", {}, told),
        Fact(f"host:{name}", "asked", "sshd", {"answered": True, "complete": True}, told),
    ]


def survey(*hosts: list[Fact]) -> Estate:
    """A cluster of the hosts a and b, as collecting completes it from those that were captured."""
    told = [Fact(f"host:{name}", "in_cluster", CLUSTER, {}, "slurm/nodes.json") for name in "ab"]
    told += [fact for host in hosts for fact in host]
    return estate_of([*told, *completed(told, ["sshd"])])


def becomes(surveys: Sequence[Estate], name: str = "b") -> Entry:
    """The finding on root's login of one host, after these surveys a month apart."""
    windows = []
    for month, estate in enumerate(surveys):
        judged = tuple(judge(estate, CHECKS))
        windows.append(Window(START + 30 * month * DAY, estate, judged, findings(estate, judged)))
    return ledger(windows)["RF-H02", f"host:{name}"]


BAD = survey(captured("a"), captured("b", "yes"))
LEFT_OUT = survey(captured("a"))
MENDED = survey(captured("a"), captured("b"))


def test_collecting_marks_what_it_assumes_by_this_source() -> None:
    assert coverage.SOURCE == MARK
    told = [fact for fact in LEFT_OUT.facts("asked") if fact.subject == "host:b"]
    assert [(fact.source, fact.attributes["answered"]) for fact in told] == [(MARK, True)]
    assert not [fact for fact in measured(LEFT_OUT).facts() if fact.source == MARK]
    assert measured(BAD) is BAD or len(list(measured(BAD).facts())) == len(list(BAD.facts()))


def test_whoever_leaves_out_the_capture_of_a_bad_host_closes_nothing() -> None:
    carried = becomes([BAD, LEFT_OUT])
    assert (carried.state, carried.fixed) == (State.CARRIED, ())
    assert carried.age(START + 30 * DAY) == 30 * DAY
    assert becomes([BAD, MENDED]).state is State.FIXED
    assert becomes([BAD, LEFT_OUT, MENDED]).state is State.FIXED


def test_what_was_measured_stays_so_while_its_like_fails_too() -> None:
    """First a is as bad, so that b is assumed to be; then a is mended alone."""
    both = survey(captured("a", "yes"))
    assert becomes([BAD, both, LEFT_OUT]).state is State.CARRIED


def test_a_finding_that_was_never_more_than_assumed_goes_with_its_sample() -> None:
    assumed = becomes([survey(captured("a", "yes")), LEFT_OUT])
    assert not assumed.measured
    assert assumed.state is State.FIXED


def test_a_host_that_is_only_assumed_now_lowers_coverage_by_name() -> None:
    first, known = coverage_of(BAD, set())
    second, known = coverage_of(LEFT_OUT, known)
    third, _ = coverage_of(MENDED, known)
    assert (first.share, first.assumed) == (1.0, ())
    assert (second.share, second.assumed) == (0.5, ("host:b",))
    assert (third.share, third.assumed) == (1.0, ())
    assert any("only assumed" in one for one in second.to_collect)
    sampled, _ = coverage_of(LEFT_OUT, set())
    assert (sampled.share, sampled.assumed) == (1.0, ())  # one of a class is enough to begin


def test_a_trend_over_hosts_that_are_only_assumed_now_is_refused_by_name() -> None:
    surveys = enumerate((BAD, LEFT_OUT, LEFT_OUT))
    found = history(((START + month * 30 * DAY, survey) for month, survey in surveys), CHECKS)
    assert found.verdict.pace is Pace.REFUSED
    assert "only assumed to be like others now: host:b" in found.verdict.reasons[0]
    told = shown(found)
    assert told["fixed"] == 0
    assert told["assumed"] == ["host:b"]
    assert [window["coverage"]["assumed"] for window in told["windows"]] == [0, 1, 1]
    assert any("host:b" in note for note in told["notes"])


def test_what_is_marked_under_another_source_is_no_measurement_either() -> None:
    """Kubernetes' collector marks by the attribute alone."""
    told = Fact("host:a", "in_cluster", "cluster:c", {"assumed": True}, "nodes")
    seen = Fact("host:b", "in_cluster", "cluster:c", {}, "nodes")
    assert list(measured(estate_of([told, seen])).facts()) == [seen]
