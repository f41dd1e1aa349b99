"""What a verdict says when a source could not decide, and what each way to fail gives away."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Result, Verdict, When, asked_of
from ringfence.assess.judge import check_checks, judge_one, results
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact

CHECK = Check(
    id="RF-T00",
    name="sample",
    title="No known flaw",
    layer=Layer.HOST,
    each=(When((Atom("asked", "it", Is("advisories")),)),),
    fails=(
        When((Atom("vulnerable_to", "it", Prefix("CVE-"), {"verdict": "affected"}),), "a flaw"),
        When((Atom("vulnerable_to", "it", Prefix("CVE-"), {"verdict": "ended"}),), "no support", opens=()),
        When(
            (Atom("vulnerable_to", "it", Is("CVE-9"), {"verdict": "affected"}), Atom("has_gpu", "it", "gpu")),
            "a flaw of its accelerator",
            opens=("gpu#memory",),
        ),
    ),
    rests=(asked_of("advisories"),),
    doubts=(When((Atom("vulnerable_to", "it", Prefix("CVE-"), {"verdict": "unknown"}),), "a flaw with conditions"),),
    why="A flaw is a way in.",
    remedy="Update it.",
    opens=("root",),
)
ASKED = Fact("host:a", "asked", "advisories", {"answered": True})


def flaw(verdict: str, name: str = "CVE-1") -> Fact:
    return Fact("host:a", "vulnerable_to", name, {"verdict": verdict})


def judged(*facts: Fact) -> Result:
    estate = estate_of(facts)
    (result,) = results(estate, judge_one(estate, CHECK))
    return result


def test_what_a_source_could_not_decide_does_not_pass() -> None:
    """Though it answered, and nothing fails."""
    assert judged(ASKED).verdict is Verdict.PASSED
    undecided = judged(ASKED, flaw("unknown"))
    assert undecided.verdict is Verdict.UNKNOWN
    assert undecided.reason == "not decided: a flaw with conditions"


def test_a_failure_is_one_in_spite_of_a_doubt() -> None:
    assert judged(ASKED, flaw("unknown"), flaw("affected", "CVE-2")).verdict is Verdict.FAILED


def test_a_hole_is_named_before_a_doubt() -> None:
    refused = Fact("host:a", "asked", "advisories", {"answered": False})
    assert judged(refused, flaw("unknown")).reason == "not known: whether it answered for advisories"


def test_each_way_to_fail_gives_away_what_it_says() -> None:
    """The check's own positions, others, or none."""
    assert judged(ASKED, flaw("affected")).opened == ("host:a#root",)
    assert judged(ASKED, flaw("ended")).opened == ()
    both = judged(ASKED, flaw("affected", "CVE-9"), Fact("host:a", "has_gpu", "gpu:1"))
    assert both.opened == ("host:a#root", "gpu:1#memory")


def test_a_doubt_is_checked_as_the_rest_is() -> None:
    check_checks([CHECK])
