"""The programme view: shares, the predicate of reliance, order, the picture."""

from itertools import combinations
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.assess.check import CLASSIC, Layer, Mismatch
from ringfence.assess.checks import CHECKS
from ringfence.assess.judge import judge
from ringfence.assess.portfolio import (
    AWARE,
    COMPUTE,
    PREDICATE,
    Lack,
    Reliance,
    Row,
    Tally,
    compute_aware,
    portfolio,
    row,
)
from ringfence.assess.portfolio_svg import MOST_ROWS, svg
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from tests.assess.test_checks import sample


def of(label: str = "site", controls: int = 4, **passed: float) -> Row:
    """An estate with so many controls in each layer, of which `classic`, `compute` and `rest` pass, the others fail."""
    how = dict.fromkeys(CLASSIC, "classic") | dict.fromkeys(COMPUTE, "compute")
    layers = {}
    for layer in Layer:
        good = passed.get(how.get(layer, "rest"), 0.0)
        layers[layer] = Tally(controls, good, controls - good, 0.0, int(good))
    return Row(label, layers, dict.fromkeys(Mismatch, Tally()))


@pytest.mark.parametrize(
    ("classic", "compute", "reliance"),
    [
        (4, 0, Reliance.DATA_CENTRE),
        (0, 2, Reliance.NEITHER),
        (2.1, 2, Reliance.DATA_CENTRE),
        (2, 0, Reliance.NEITHER),
        (0, 0, Reliance.NEITHER),
        (4, 2.1, Reliance.COMPUTE),
        (0, 4, Reliance.COMPUTE),
    ],
)
def test_reliance_is_more_than_half_of_one_and_not_of_the_other(
    classic: float, compute: float, reliance: Reliance
) -> None:
    """Exactly half is not most."""
    assert of(classic=classic, compute=compute).reliance is reliance


def test_unknown_controls_are_not_in_force() -> None:
    """An estate of which nobody looked at accelerators relies on its data centre, as one does where they failed."""
    layers = dict.fromkeys(Layer, Tally()) | {Layer.HOST: Tally(2, 2.0, 0.0, 0.0, 2)}
    unseen = Row("unseen", layers | {Layer.ACCELERATOR: Tally(3, 0.0, 0.0, 3.0)}, {})
    assert unseen.reliance is Reliance.DATA_CENTRE
    assert Row("nothing applies", layers, {}).reliance is Reliance.DATA_CENTRE
    assert unseen.covered == 0.0


@pytest.mark.parametrize("good", [good for count in (1, 2) for good in combinations(COMPUTE, count)])
def test_each_family_stands_for_itself(good: tuple[Layer, ...]) -> None:
    """What is whole in one makes up for nothing in another: in part, and those that lack are named."""
    layers = {layer: Tally(9, 9.0, 0.0, 0.0, 9) if layer in good else Tally(2, 1.0, 1.0, 0.0, 1) for layer in Layer}
    found = Row("site", layers, {})
    assert found.of(COMPUTE).share > 0.5  # type: ignore[operator]
    assert found.reliance is Reliance.PART
    assert set(found.lacks) == set(COMPUTE) - set(good)
    assert found.told == "in part, lacks " + ", ".join(layer for layer in COMPUTE if layer not in good)
    assert portfolio([found]).counts()[Reliance.PART] == 1
    assert portfolio([found, found]).lacking() == [(tuple(found.lacks), 2)]


def test_a_family_says_why_it_lacks() -> None:
    """It failed, so much is unknown that it decides, or nothing applies: three signs."""
    whole = dict.fromkeys(Layer, Tally(4, 4.0, 0.0, 0.0, 4))
    fabric, accelerator, workflow = COMPUTE
    lacks = {accelerator: Tally(4, 1.0, 1.0, 2.0), workflow: Tally()}
    found = Row("site", whole | lacks, {})
    assert found.lacks == {accelerator: Lack.UNKNOWN, workflow: Lack.ABSENT}
    assert found.told == "in part, lacks accelerator?, workflow –"
    failed = {fabric: Tally(4, 1.0, 2.0, 1.0), **dict.fromkeys((accelerator, workflow), Tally(4, 0.0, 4.0))}
    assert Row("site", whole | failed, {}).told == "data-centre only"
    assert Row("site", whole | failed | lacks, {}).told == "data-centre only?"
    assert Row("nobody looked", dict.fromkeys(Layer, Tally(4, 0.0, 0.0, 4.0)), {}).told == "neither?"


@given(st.dictionaries(st.sampled_from(COMPUTE), st.tuples(st.floats(0, 4), st.floats(0, 4)), min_size=3))
def test_knowing_more_never_contradicts_what_was_no_question(told: dict[Layer, tuple[float, float]]) -> None:
    """Without a question mark, however the unknown turns out, the reliance stays."""
    layers = dict.fromkeys(Layer, Tally(4, 4.0, 0.0, 0.0, 4))
    shares = {layer: (good, min(4 - good, unknown)) for layer, (good, unknown) in told.items()}
    now = Row("s", layers | {at: Tally(4, good, 4 - good - open_, open_) for at, (good, open_) in shares.items()}, {})
    best = Row("s", layers | {at: Tally(4, good + open_, 4 - good - open_) for at, (good, open_) in shares.items()}, {})
    if "?" not in now.told:
        assert now.told == best.told


def test_a_control_counts_as_far_as_it_holds() -> None:
    """Two clusters, one of which lets messages pass unproven: half a control in force, none of it whole."""
    facts = [*sample("scheduler_auth", "passed"), *renamed("scheduler_auth", "failed", "cluster:c", "cluster:d")]
    check = next(one for one in CHECKS if one.name == "scheduler_auth")
    found = row("two", judge(estate_of(facts), [check]))
    assert found.layers[Layer.SCHEDULER] == Tally(1, 0.5, 0.5, 0.0, 0)
    assert found.of() == found.of(AWARE)
    assert found.covered == 0.5


def renamed(name: str, which: str, old: str, new: str) -> list[Fact]:
    """A sample about another subject."""
    return [msgspec.structs.replace(fact, subject=fact.subject.replace(old, new)) for fact in sample(name, which)]


def test_samples_of_classic_checks_alone_make_an_estate_that_relies_on_its_data_centre() -> None:
    """End to end: what the classic checks want is there, and what the others want is not."""
    facts = [
        fact
        for check in CHECKS
        for fact in sample(check.name, "passed" if check.layer in CLASSIC else "failed")
        if check.layer in (*CLASSIC, *COMPUTE)
    ]
    weak = row("weak", judge(estate_of(facts)))
    assert weak.reliance is Reliance.DATA_CENTRE
    half = [fact for check in CHECKS if check.layer is Layer.ACCELERATOR for fact in sample(check.name, "failed")]
    good = [
        fact for check in CHECKS if check.layer in (*CLASSIC, Layer.WORKFLOW) for fact in sample(check.name, "passed")
    ]
    part = row("part", judge(estate_of([*good, *half])))
    assert part.reliance is Reliance.PART
    assert Layer.ACCELERATOR in part.lacks
    assert Layer.WORKFLOW not in part.lacks
    strong = row("strong", judge(estate_of(fact for check in CHECKS for fact in sample(check.name, "passed"))))
    assert strong.reliance is Reliance.COMPUTE
    assert [one.label for one in portfolio([strong, weak]).rows] == ["weak", "strong"]


def test_every_layer_is_classic_or_aware_and_most_checks_know_of_compute() -> None:
    """The catalogue's own share, and no layer forgotten."""
    assert {*CLASSIC, *AWARE} == set(Layer)
    assert set(COMPUTE) < set(AWARE)
    assert 0.5 < compute_aware(CHECKS) < 1.0


@given(st.lists(st.floats(0, 4), min_size=1, max_size=40))
def test_the_distribution_holds_every_estate(values: list[float]) -> None:
    """The tenths add up; the five numbers are in order; the worst stands first."""
    found = portfolio(of(f"s{at:02}", compute=value, rest=value) for at, value in enumerate(values))
    spread = found.distribution()
    assert spread is not None
    assert sum(spread.tenths) == len(values)
    five = (spread.low, spread.quarter, spread.median, spread.three_quarters, spread.high)
    assert list(five) == sorted(five)
    assert found.rows[0].covered == spread.low
    assert found.rows[-1].covered == spread.high


def test_no_estate_has_no_distribution() -> None:
    """And counts of nothing."""
    assert portfolio([]).distribution() is None
    assert set(portfolio([]).counts().values()) == {0}


@pytest.mark.parametrize("count", [1, 60, MOST_ROWS + 41])
def test_the_picture_is_well_formed_and_says_what_it_leaves_out(count: int) -> None:
    """Every estate is a row, or counted as left out; labels are escaped."""
    found = portfolio(of(f"<b>&{at:03}", compute=at % 5, classic=at % 3) for at in range(count))
    page = ET.fromstring(svg(found))
    texts = ["".join(one.itertext()) for one in page.iter("{http://www.w3.org/2000/svg}text")]
    drawn = {text for text in texts if text.startswith("<b>&")}
    assert len(drawn) == min(count, MOST_ROWS)
    left = [text for text in texts if "are not drawn" in text]
    assert left == ([] if count <= MOST_ROWS else ["41 estates between the worst and the best are not drawn"])
    assert any(text == f"Controls in force in {count} estates" for text in texts)
    assert PREDICATE in " ".join(texts)
