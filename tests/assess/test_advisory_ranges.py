"""What prose about versions means, and that no text takes more than linear time."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.assess.advisories import ranges
from ringfence.assess.advisories.index import Index
from ringfence.assess.advisories.tokens import installed, normal, series
from ringfence.wire import csaf
from tests.shared_data import shared


def holds(text: str, version: str) -> bool:
    found = installed(version)
    assert found is not None
    return ranges.read(text).holds(found)


@pytest.mark.parametrize(
    ("text", "within", "without"),
    [
        ("All driver versions prior to 535.183.01", "535.183", "535.183.01"),
        ("All versions prior to and including 1.7.1", "1.7.1", "1.7.2"),
        ("All versions up to and including v1.16.1", "1.16.1", "1.16.2"),
        ("All versions up to CUDA Toolkit 12.6", "12.6", "12.7"),
        ("All versions prior 2.3.0", "2.2.9", "2.3"),
        ("22.09 to 24.03", "24.03", "24.04"),
        ("v19.11 through v24.08", "19.11", "19.10"),
        ("v0.1.x - v0.9.x", "0.9.7", "0.10"),
        ("6.15.x, 6.16.x, 6.17.x", "6.17.3", "6.18"),
        ("6.15.x LTS prior to 6.15.6-4 LTS", "6.15.5", "6.14"),
        ("All 2.9 versions prior to 2.9.3", "2.9.2", "2.9.3"),
        ("All 2.10 versions", "2.10.4", "2.11"),
        ("1.1.2 and earlier", "1.1", "1.1.3"),
        ("IGX 1.1.2 and earlier", "1.1.2", "1.1.3"),
        ("Cumulus Linux 5.12, 5.11, 5.10, 5.9 and older", "5.3", "5.13"),
        ("NVOS 25.02.21xx,  25.02.22xx,  25.02.23xx", "25.02.2150", "25.02.2400"),
        ("NVOS 25.02.3xxx", "25.02.3999", "25.02.4000"),
        ("570.158.01(All versions prior to and including vGPU 18.3)", "570.158.01", "570.158.02"),
        ("HGX-22.10-1-rc57 (1.3.0/1.3.1)", "1.3.1", "1.3.2"),
        ("1.6.0 and later", "2.0", "1.5"),
        ("24.11", "24.11", "24.12"),
        ("All versions prior to r25.10", "25.09", "25.10"),
        ("<1.17.8", "1.17.7", "1.17.8"),
        ("<= 1.17.7", "1.17.7", "1.17.8"),
        (">=1.2, <1.5", "1.4.9", "1.5"),
        (">1.2", "1.2.1", "1.2"),
        ("vers:semver/<1.17.8", "1.17.7", "1.17.8"),
        ("vers:deb/>=1.2|<1.5|>=2.0|<=2.3", "2.3", "1.7"),
        ("vers:generic/1.2.3|1.2.5", "1.2.5", "1.2.4"),
    ],
)
def test_the_publishers_ways_to_write_a_range(text: str, within: str, without: str) -> None:
    assert holds(text, within)
    assert not holds(text, without)


@pytest.mark.parametrize("text", ["All versions", "all driver versions", "Any version", "vers:all/*", "vers:npm/*"])
def test_all_versions(text: str) -> None:
    assert holds(text, "0.1")
    assert holds(text, "999.9")


@pytest.mark.parametrize(
    "text",
    [
        "All versions prior to v3.5.1 and v3.1.7",
        "All versions that do not include code commit 9e95f50",
        "All driver versions prior 475.06 to for support of GeForce Kepler desktop",
        "Contact your NVIDIA Customer Program Manager",
        "GB300 0.8 dev drop",
        "1.2.3.4.5.6.7.8.9.10",
        "99999999999999999999",
        "",
        "vers:semver/!=1.2",
        "vers:semver/>=1.2|1.5",
        "vers:semver/<1.2|<1.5",
        "<",
        "<1.2-rc1",
        "<1.2 on Linux",
        "2.0 prior to 1.0",
        ">=2.0, <1.0",
    ],
)
def test_what_is_not_understood_is_not_guessed(text: str) -> None:
    assert ranges.read(text).spans is None


def test_a_condition_in_brackets_is_kept_apart() -> None:
    found = ranges.read("All versions up to and including 1.17.7 (CDI mode only for versions prior to 1.17.5)")
    assert found.holds((1, 17, 7))
    assert found.condition == "cdi mode only for versions prior to 1.17.5"


def test_of_the_real_bulletins_nearly_every_row_that_concerns_us_is_understood() -> None:
    """The others are told as unknown: no more than one in forty."""
    documents = [path.read_bytes() for path in shared("csaf").rglob("*.json")]
    index = Index(csaf.read(data) for data in documents if csaf.is_csaf(data))
    total = sum(map(len, index.rows.values()))
    assert total > 400
    assert index.unread * 40 < total


def test_packages_and_candidates() -> None:
    assert installed("1:23.11.4-1.2ubuntu5") == (23, 11, 4)
    assert installed("v1.33.2") == (1, 33, 2)
    assert installed("1.18.0~rc.1") is None
    assert installed("1.18.0-rc.1") is None
    assert installed("latest") is None
    assert installed("") is None


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    found = ranges.read(text)
    for span in found.spans or ():
        assert span.high is None or span.low <= span.high


VERSIONS = st.lists(st.integers(0, 99_999), min_size=1, max_size=6).map(tuple)


@given(VERSIONS, VERSIONS)
def test_versions_order_as_their_numbers_do(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    """A range before one version holds exactly those below it, however many zeros are written."""
    text = ".".join(map(str, one))
    assert holds(f"prior to {text}.0", ".".join(map(str, other))) == (normal(other) < normal(one))


@given(VERSIONS)
def test_a_series_covers_itself_and_what_follows_in_it(one: tuple[int, ...]) -> None:
    covers = series(".".join(map(str, one)))
    assert covers is not None
    low, high = covers
    assert low <= normal(one) < high
    assert normal((*one, 7)) < high


SIZE, SLOWEST = 200_000, 2.0
"""Characters, and seconds of processor time: linear code needs a tenth at most."""

UNITS = (
    "(",
    ")",
    "1.",
    "1 to ",
    "prior to ",
    "x",
    ",",
    "1.x, ",
    "(1",
    "all versions ",
    "-",
    "1-",
    "v1",
    "\N{EN DASH} ",
)


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_of_a_thousand_times_the_usual_length_is_read_at_once(unit: str) -> None:
    """The first grammar for this prose ran for minutes; whatever is quadratic misses this bound by orders."""
    text = (unit * (SIZE // len(unit) + 1))[:SIZE]
    begin = process_time()
    ranges.read(text)
    assert process_time() - begin < SLOWEST
