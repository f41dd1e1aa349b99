"""Every threat is open on its sample, mitigated on its twin, and never mitigated by what was not seen."""

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ringfence.analyse import positions
from ringfence.analyse.derive import derive
from ringfence.assess.exposure import Held, check_threats, exposure, findings
from ringfence.assess.outside import D3FEND
from ringfence.assess.threat import PHASES, Finding, State, Threat
from ringfence.assess.threats import THREATS
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.threats import THREATS as TITLES
from tests.shared_data import shared

SAMPLES = Path(__file__).parents[1] / "threats"
BY_NAME = {threat.name: threat for threat in THREATS}
NAMES = sorted(BY_NAME)
NOBODY = Held(np.zeros(0, np.int64), np.zeros(0, np.int64))
"""Attackers come nowhere."""


def sample(name: str, which: str) -> list[Fact]:
    lines = (SAMPLES / name / f"{which}.ndjson").read_text("utf-8").splitlines()
    return [msgspec.json.decode(line, type=Fact) for line in lines if line.strip()]


def found(threat: Threat, estate: Estate, held: Held | None = NOBODY) -> dict[str, Finding]:
    (exposed,) = exposure(estate, held, [threat])
    return {one.subject: one for one in findings(estate, exposed, held)}


def reaching(estate: Estate, *known: str, maybe: tuple[str, ...] = ()) -> Held:
    """Attackers come to these positions, and perhaps to those."""
    parts = [np.array(sorted(positions.parse(estate, one) for one in some), np.int64) for some in (known, maybe)]
    return Held(*parts)


@pytest.mark.parametrize("name", NAMES)
def test_the_threat_is_open_on_its_sample(name: str) -> None:
    """By facts alone, and they are shown."""
    stands = [one for one in found(BY_NAME[name], estate_of(sample(name, "open"))).values() if one.state is State.OPEN]
    assert stands
    assert all(any(way.facts for way in one.ways if way.state is State.OPEN) for one in stands)
    assert all(one.reason for one in stands)


@pytest.mark.parametrize("name", NAMES)
def test_the_threat_is_mitigated_on_the_twin(name: str) -> None:
    """Each way by a control that has a name, with the facts that it rests on."""
    stands = found(BY_NAME[name], estate_of(sample(name, "mitigated")))
    assert {one.state for one in stands.values()} == {State.MITIGATED}
    assert all(way.control and way.facts for one in stands.values() for way in one.ways)


@pytest.mark.parametrize("name", NAMES)
def test_a_control_without_a_fact_that_it_rests_on_mitigates_nothing(name: str) -> None:
    """Whichever is gone, the thing is unknown, or another control holds with other facts; and it says what lacks."""
    facts = sample(name, "mitigated")
    for stood in found(BY_NAME[name], estate_of(facts)).values():
        for gone in [fact for way in stood.ways for fact in way.facts]:
            again = found(BY_NAME[name], estate_of(fact for fact in facts if fact != gone)).get(stood.subject)
            if again is not None:
                assert again.state is State.UNKNOWN, gone
                assert any(way.missing for way in again.ways)


@pytest.mark.parametrize("name", NAMES)
def test_without_coverage_nothing_is_mitigated_where_coverage_counts(name: str) -> None:
    """Take away all that says who was asked."""
    facts = sample(name, "mitigated")
    left = [fact for fact in facts if fact.predicate != "asked"]
    if len(left) < len(facts):
        stands = found(BY_NAME[name], estate_of(left)).values()
        assert all(one.state is not State.MITIGATED for one in stands)


@pytest.mark.parametrize("name", [name for name in NAMES if any(way.reach for way in BY_NAME[name].ways)])
def test_where_somebody_comes_the_threat_is_open_and_where_somebody_may_come_it_is_unknown(name: str) -> None:
    """Whatever the facts say that shut it; and it is unknown where nobody can say who comes where."""
    estate, threat = estate_of(sample(name, "mitigated")), BY_NAME[name]
    (exposed,) = exposure(estate, NOBODY, [threat])
    subject = estate.terms.values[exposed.subjects[0]]
    for way in (one for one in threat.ways if one.reach and not one.about):
        name_, _, capability = way.reach[0].rpartition("#")
        others = {atom.object: fact.object for atom in way.by for fact in estate.facts(atom.predicate)}
        place = f"{subject if name_ == 'it' else others[name_]}#{capability}"
        known, maybe = reaching(estate, place), reaching(estate, maybe=(place,))
        assert found(threat, estate, known)[subject].state is State.OPEN
        assert place in found(threat, estate, known)[subject].reason
        assert found(threat, estate, maybe)[subject].state is State.UNKNOWN
        assert found(threat, estate, None)[subject].state is State.UNKNOWN


def test_every_threat_can_be_met() -> None:
    """No threat names a predicate, a position or a phase that does not exist."""
    check_threats(THREATS)
    assert all(set(threat.phases) <= set(PHASES) and threat.phases and threat.stride for threat in THREATS)


def test_a_threat_that_threatens_nothing_known_is_unknown() -> None:
    """An empty estate is not a safe one."""
    assert {one.worst for one in exposure(estate_of([]), NOBODY)} == {State.UNKNOWN}


def test_names_files_registrations_headings_and_samples_are_the_same_set() -> None:
    """One threat = one name in the estate's table = one file = one registration = one heading = one sample."""
    folder = Path(check_threats.__code__.co_filename).parent / "threats"
    page = (Path(__file__).parents[2] / "docs" / "threats.md").read_text("utf-8")
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    samples = {path.name for path in SAMPLES.iterdir() if {"open.ndjson", "mitigated.ndjson"} <= _files(path)}
    headings = re.findall(r"^### (RF\.T\d\d) `(\w+)`", page, re.MULTILINE)
    assert files == set(BY_NAME) == samples == {name for _, name in headings}
    assert set(TITLES) == {threat.id for threat in THREATS} == {id_ for id_, _ in headings}
    assert len(headings) == len(THREATS) == len(TITLES)


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_samples_hold_only_facts_that_could_be(name: str) -> None:
    """An estate refuses what it does not know; moves can be derived from it."""
    for which in ("open", "mitigated"):
        derive(estate_of(sample(name, which)))


def test_every_outside_id_stands_in_a_published_file() -> None:
    """ATLAS ids in ATLAS.yaml 5.6.0; ATT&CK ids there or as a tag of a SigmaHQ rule."""
    atlas = shared("atlas/ATLAS.yaml").read_text("utf-8")
    tags = "\n".join(path.read_text("utf-8", "replace") for path in shared("sigma").rglob("*.yml"))
    for threat in THREATS:
        controls = [control for way in threat.ways for control in way.shut]
        for id_ in (*threat.atlas, *(one for control in controls for one in control.atlas)):
            assert f"id: {id_}\n" in atlas, (threat.id, id_)
        for id_ in threat.attack:
            assert f"id: {id_}\n" in atlas or f"attack.{id_.lower()}" in tags, (threat.id, id_)


def test_every_technique_of_d3fend_is_one_that_was_read() -> None:
    """In MITRE's own table, as `assess/outside.py` says; some control names one."""
    named = {id_ for threat in THREATS for way in threat.ways for control in way.shut for id_ in control.d3fend}
    assert named
    assert named <= D3FEND.keys()


TOLD = {"kernel-flaws"}
"""Aspects that no collector answers: the control says which fact to write."""


def test_a_kernel_that_nobody_judged_leaves_an_escape_unknown() -> None:
    """A toolkit without a flaw is one wall of two; what is missing is named with the fact that would tell it."""
    shut = sample("escape", "mitigated")
    unjudged = [fact for fact in shut if fact.object not in TOLD]
    assert len(unjudged) == len(shut) - len(TOLD)
    stood = found(BY_NAME["escape"], estate_of(unjudged))["host:a"]
    assert stood.state is State.UNKNOWN
    assert "kernel" in stood.reason
    assert "`asked kernel-flaws`" in stood.reason
    assert "toolkit" not in stood.reason
    flaw = Fact("host:a", "vulnerable_to", "CVE-2024-1086", {"gives": "root"})
    assert found(BY_NAME["escape"], estate_of([*shut, flaw]))["host:a"].state is State.OPEN


def test_every_aspect_that_a_control_asks_for_is_one_that_some_collector_answers() -> None:
    """Otherwise nothing could ever be shown to hold; but for what only people tell, whose fact the control spells."""
    collect = Path(check_threats.__code__.co_filename).parents[1] / "collect"
    source = "\n".join(path.read_text("utf-8") for path in collect.rglob("*.py"))
    aspects = {
        atom.object.term
        for threat in THREATS
        for way in threat.ways
        for control in way.shut
        for when in control.rests
        for atom in when.facts
        if atom.predicate == "asked"
    }
    assert {aspect for aspect in aspects if f'"{aspect}"' not in source} == TOLD


@pytest.mark.parametrize("spelled", ["*", "*:*", "* *", "s3:*", "* secrets", "get *", "ssm:SendCommand *"])
def test_a_wildcard_names_nothing_however_it_is_spelled(spelled: str) -> None:
    """Even beside a permission that is named; a rule of wildcards that gave a named one counts the same."""
    twin = sample("cloud_role", "mitigated")
    role = next(fact.subject for fact in twin if fact.predicate == "permits")
    for wide in (Fact(role, "permits", spelled), Fact(role, "permits", "get secrets", {"by": spelled})):
        stood = found(BY_NAME["cloud_role"], estate_of([*twin, Fact(role, "permits", "s3:GetObject"), wide]))[role]
        assert stood.state is State.OPEN
        assert wide in [fact for way in stood.ways for fact in way.facts]


@pytest.mark.parametrize("name", ["insider", "theft_at_rest"])
def test_exports_that_nobody_told_mitigate_nothing(name: str) -> None:
    """Of any storage that holds it: all that one is exported to is gone, and the other's exports do not stand in."""
    twin = sample(name, "mitigated")
    (stored,) = [fact for fact in twin if fact.predicate == "stored_on"]
    other = [
        msgspec.structs.replace(fact, subject=fact.subject.replace("nfs1", "nfs2"), object=fact.object)
        for fact in twin
        if fact.subject.startswith("storage:nfs1:")
    ]
    copy = msgspec.structs.replace(stored, object=stored.object.replace("nfs1", "nfs2"))
    both = [*twin, copy, *other]
    assert found(BY_NAME[name], estate_of(both))[stored.subject].state is State.MITIGATED
    for storage in (stored.object, copy.object):
        left = [fact for fact in both if (fact.subject, fact.predicate) != (storage, "exported_to")]
        assert found(BY_NAME[name], estate_of(left))[stored.subject].state is State.UNKNOWN


def test_one_tenant_has_a_domain_only_where_every_neighbour_s_tenant_is_known() -> None:
    """A neighbour of the same tenant is well, one of nobody's is unknown, one of another's is open."""
    twin = sample("side_channel", "mitigated")
    near = [Fact("host:b", "has_gpu", "gpu:H"), Fact("gpu:H", "nvlink_member", "nvlink:a")]
    asked = [Fact("host:b", "asked", aspect, {"answered": True, "complete": True}) for aspect in ("nvlink", "gpu")]
    states = {
        tenant: found(BY_NAME["side_channel"], estate_of([*twin, *near, *asked, *told]))["gpu:G"].ways[0].state
        for tenant, told in {
            "none": [],
            "same": [Fact("host:b", "in_tenant", "tenant:t1")],
            "other": [Fact("host:b", "in_tenant", "tenant:t2")],
        }.items()
    }
    assert states == {"none": State.UNKNOWN, "same": State.MITIGATED, "other": State.OPEN}
    lost = [*twin, Fact("gpu:H", "nvlink_member", "nvlink:a")]
    assert found(BY_NAME["side_channel"], estate_of(lost))["gpu:G"].ways[0].state is State.UNKNOWN, "no host is known"
