"""Ways out through the container toolkit: what is known without a bulletin against NVIDIA's own."""

import pytest

from ringfence.assess.advisories import plain
from ringfence.assess.advisories.index import Index
from ringfence.assess.advisories.verdict import Install, Verdict
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.wire import csaf
from ringfence.wire.host.toolkit import ESCAPES, cdi, escapes
from tests.assess.bulletins import held_against
from tests.shared_data import shared

VERSIONS = [
    *(f"1.{minor}.{patch}" for minor in (12, 13, 14, 15, 16, 17, 18) for patch in range(10)),
    "1.17",
    "1.17.7-1",
    "v1.16.1",
    "1.17.8~rc.1",
]
MODES = ("cdi", "legacy", "csv", "auto", "")
NVIDIASCAPE = "CVE-2025-23266"


@pytest.fixture(scope="module")
def bulletins() -> Index:
    folder = shared("csaf") / "nvidia"
    files = [*folder.rglob("5582.json"), *folder.rglob("5616.json"), *folder.rglob("5659.json")]
    assert len(files) == len(ESCAPES)
    return Index(csaf.read(path.read_bytes()) for path in files)


@pytest.mark.parametrize("mode", MODES)
def test_the_table_says_of_every_version_and_mode_what_the_bulletins_say(bulletins: Index, mode: str) -> None:
    """Affected by the one where affected by the other; fixed or unknown is no flaw that is sure."""
    by_cdi = cdi(mode)
    facts = (("cdi", by_cdi),) if by_cdi else ()
    ours = {flaw.cve for flaw in ESCAPES}
    told = {version: {flaw.cve for flaw in escapes(version, by_cdi)} for version in VERSIONS}
    theirs = {
        version: {
            one.cve
            for one in plain.judge(bulletins, Install("container-toolkit", version, "linux", facts=facts)).said
            if one.verdict is Verdict.AFFECTED and one.cve in ours
        }
        for version in VERSIONS
    }
    assert told == theirs
    assert any(told.values())


def test_the_table_names_the_versions_that_the_bulletins_name_as_fixed(bulletins: Index) -> None:
    written = {(row.cve, row.fixed.removeprefix("v")) for row in bulletins.rows["container-toolkit"]}
    assert {(flaw.cve, flaw.fixed) for flaw in ESCAPES} <= written


def test_a_way_out_that_comes_with_cdi_is_sure_only_where_the_mode_is_known() -> None:
    """The bulletin: CDI mode only for versions prior to 1.17.5."""
    assert {mode: [flaw.cve for flaw in escapes("1.17.4", cdi(mode))] for mode in MODES} == {
        "cdi": [NVIDIASCAPE],
        **{mode: [] for mode in ("legacy", "csv", "auto", "")},
    }
    assert {tuple(flaw.cve for flaw in escapes("1.17.5", cdi(mode))) for mode in MODES} == {(NVIDIASCAPE,)}


def host(version: str, said: str, *settings: str) -> Estate:
    """A host of which a collector said that it has a flaw."""
    return estate_of(
        [
            Fact("host:a", "runs_software", "package:deb/nvidia-container-toolkit", {"version": version}, "hosts"),
            Fact("host:a", "vulnerable_to", said, {"gives": "container-escape", "version": version}, "hosts"),
            *(Fact("host:a", "setting", one, {}, "hosts") for one in settings),
        ]
    )


def flaws(estate: Estate) -> dict[tuple[str, str], str]:
    found = [fact for fact in estate.facts("vulnerable_to") if fact.attributes.get("gives")]
    return {(fact.subject, fact.object): fact.source for fact in found}


def test_what_a_collector_said_does_not_stand_beside_what_the_bulletins_say() -> None:
    """A fixed flaw goes, an affected one is told once, by the bulletins."""
    folder = shared("csaf")
    assert flaws(held_against(host("1.17.4", NVIDIASCAPE, "toolkit.mode=legacy"), folder)) == {}
    assert flaws(held_against(host("1.17.7", NVIDIASCAPE), folder)) == {("host:a", NVIDIASCAPE): "advisories"}


def test_a_flaw_that_no_bulletin_speaks_of_stays_as_it_was_told() -> None:
    """Another flaw of the same host, and the same flaw of a host that could not be judged."""
    folder = shared("csaf")
    other = ("host:a", "CVE-1999-0001")
    assert flaws(held_against(host("1.17.4", other[1]), folder)) == {other: "hosts"}
    assert flaws(held_against(host("next", NVIDIASCAPE), folder)) == {("host:a", NVIDIASCAPE): "hosts"}
