"""Would it work here? The exposed Ray estate yields the whole chain, the repaired one does not."""

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from ringfence.app.assess.past import past
from ringfence.app.questions import Questions
from ringfence.app.survey import survey_tree
from ringfence.assess.incident import Incident
from ringfence.assess.incidents import INCIDENTS
from ringfence.assess.techniques import NAMES, VERSION, moved, unsteady
from ringfence.cli import threats_told
from ringfence.collect.base import Scope
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import PREDICATES
from ringfence.wire.atlas import Atlas, parse
from tests.shared_data import shared

RAY = "service:gpu0001/ray:8265"
MOVES = Path(__file__).parents[1] / "moves"
CHAIN = ["T0006", "T0049", "T0035", "T0055", "T0025", "T0010.003", "T0048.000"]
BESIDE = [
    Fact("network:internet", "routes_to", "network:10.1.0.0/24"),
    Fact("host:gpu0001", "reaches_outside", "network:internet", {"mbit_s": 1000}),
    Fact("host:gpu0001", "has_gpu", "gpu:GPU-1"),
    Fact("host:gpu0001", "mounts", "storage:nfs1:/w", {"mode": "rw"}),
    Fact("model:lm7b", "stored_on", "storage:nfs1:/w", {"path": "/w/lm7b"}),
    Fact("model:lm7b", "readable_by", "identity:alice"),
    Fact("model:lm7b", "writable_by", "identity:alice"),
    Fact("host:gpu0001", "stores_credential", "credential:ssh/1", {"readable_by": "user"}),
]


def ray_estate(folder: Path, which: str) -> Estate:
    """What the collectors make of a host that runs Ray, exposed (`fires`) or `repaired`, and of what lies about it."""
    shutil.copytree(MOVES / "ray_open" / which, folder / "capture")
    (folder / "capture" / "beside.ndjson").write_bytes(msgspec.json.Encoder().encode_lines(BESIDE))
    return survey_tree(folder / "capture", Scope()).estate


def shadowray(estate: Estate) -> dict[str, object]:
    asked = Questions(estate)
    found = past(asked, tuple(asked.default_footholds()), None)
    assert found["from"] == ["network:internet#send"]
    return next(one for one in found["incidents"] if one["id"] == "AML.CS0023")


def test_the_exposed_ray_estate_yields_the_whole_chain(tmp_path: Path) -> None:
    """All seven steps, in the order of the case study, each with what it rests on."""
    told = shadowray(ray_estate(tmp_path, "fires"))
    assert told["works"] == "yes"
    assert told["entry"] == "service:gpu0001/ray:8265"
    assert [step["technique"].removeprefix("AML.") for step in told["steps"]] == CHAIN
    assert [step["works"] for step in told["steps"]] == ["yes"] * 7
    assert all(step["facts"] or step["position"] for step in told["steps"])


def test_the_repaired_one_does_not(tmp_path: Path) -> None:
    """The dashboard is there, and what lies beyond it is out of reach."""
    told = shadowray(ray_estate(tmp_path, "repaired"))
    works = {step["technique"].removeprefix("AML."): step["works"] for step in told["steps"]}
    assert told["works"] == "no"
    assert works["T0035"] == works["T0025"] == works["T0010.003"] == works["T0048.000"] == "no"


def without(estate: Estate, predicate: str, *subjects: str) -> Estate:
    """The estate without these facts: nobody told them."""
    facts = [each for name in PREDICATES for each in estate.facts(name)]
    return estate_of(one for one in facts if one.predicate != predicate or (subjects and one.subject not in subjects))


@pytest.mark.parametrize("gone", ["authenticates", "runs_on", "listens_on", "service_kind"])
def test_what_is_not_known_of_an_exposed_ray_is_no_reason_for_no(tmp_path: Path, gone: str) -> None:
    """Whichever fact is gone, neither the heading nor any step after what is unknown is a firm no."""
    estate = without(ray_estate(tmp_path, "fires"), gone, RAY)
    told = shadowray(without(estate, "asked") if gone == "service_kind" else estate)
    works = [step["works"] for step in told["steps"]]
    assert told["works"] == "unknown"
    assert "unknown" in works
    assert "no" not in works[works.index("unknown") :]


def test_where_strangers_run_code_it_works_in_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No model is there; the heading says how far it works, and the exit status that something was found."""
    told = shadowray(without(ray_estate(tmp_path, "fires"), "stored_on"))
    assert (told["works"], told["far"], told["stops"]) == ("in part", "AML.T0049", "AML.T0035")
    assert threats_told.past({"incidents": [told], "patterns": []}, json=False) == 3
    heading = " ".join(capsys.readouterr().out.split()).partition(" yes ")[0]
    assert "would it work here? in part, as far as AML.T0049, and AML.T0055, AML.T0048.000 after it" in heading


def test_a_call_for_proof_stops_it_even_where_nothing_else_is_known(tmp_path: Path) -> None:
    """One step that surely fails before anything is gained is enough for no."""
    told = shadowray(without(ray_estate(tmp_path, "repaired"), "listens_on", RAY))
    assert (told["works"], told["stops"]) == ("no", "AML.T0049")


def test_an_estate_that_nobody_was_asked_about_is_not_safe_from_it() -> None:
    """No Ray is known, and no host told what listens on it."""
    facts = [
        Fact("network:internet", "routes_to", "network:a"),
        Fact("service:h/ssh:22", "listens_on", "network:a"),
        Fact("service:h/ssh:22", "runs_on", "host:h"),
    ]
    assert shadowray(estate_of(facts))["works"] == "unknown"
    assert shadowray(estate_of([*facts, Fact("host:h", "asked", "sockets", {"answered": True})]))["works"] == "no"


@pytest.mark.parametrize("facts", [[], [Fact("model:m", "size_bytes", "1")]], ids=["no fact", "no host"])
def test_where_no_host_is_known_no_incident_is_ruled_out(facts: list[Fact]) -> None:
    """All of no hosts have answered, which shows nothing."""
    found = past(Questions(estate_of(facts)), (), None)["incidents"]
    assert {one["works"] for one in found} == {"unknown"}
    ray = next(one for one in found if one["id"] == "AML.CS0023")
    assert "no host is known that could have answered for sockets" in ray["steps"][0]["why"]


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return parse(shared("atlas/ATLAS.yaml").read_bytes())


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda one: one.name)
def test_the_order_of_techniques_is_that_of_the_case_study(incident: Incident, atlas: Atlas) -> None:
    """As ATLAS has it."""
    assert tuple(step.technique for step in incident.steps) == atlas.studies[incident.id]


def test_every_id_that_we_use_has_the_name_that_we_know(atlas: Atlas) -> None:
    """Nothing moved in the version that we name."""
    assert atlas.version == VERSION
    assert len(atlas.techniques) == 170
    assert len(atlas.mitigations) == 35
    assert list(moved(atlas)) == []
    assert list(unsteady(atlas, {one.id: tuple(step.technique for step in one.steps) for one in INCIDENTS})) == []


def test_files_registrations_and_the_page_name_the_same_incidents() -> None:
    """One incident = one file = one line of registration = one entry on the page."""
    folder = Path(past.__code__.co_filename).parents[2] / "assess" / "incidents"
    page = (Path(__file__).parents[2] / "docs" / "threats.md").read_text("utf-8").split("## Past incidents")[1]
    names = {one.name for one in INCIDENTS}
    assert (
        {path.stem for path in folder.glob("*.py")} - {"__init__"}
        == names
        == set(re.findall(r"^- \S+ `(\w+)`", page, re.M))
    )
    assert len(names) == len({one.id for one in INCIDENTS}) == len(INCIDENTS)


def test_what_we_know_is_what_threats_and_incidents_name() -> None:
    """No name too many, none too few."""
    source = Path(past.__code__.co_filename).parents[2] / "assess"
    text = "\n".join(
        one.read_text("utf-8") for name in ("threats", "incidents") for one in (source / name).glob("*.py")
    )
    assert {id_ for id_ in NAMES if f'"{id_}"' not in text} == set()
    assert {step.technique for one in INCIDENTS for step in one.steps} <= set(NAMES)


def test_ids_that_moved_or_went_are_told(atlas: Atlas) -> None:
    """A newer file that renumbers, renames or drops."""
    techniques = dict(atlas.techniques)
    techniques["AML.T0999"] = techniques.pop("AML.T0020")
    techniques["AML.T0025"] = "Carried off"
    del techniques["AML.T0012"]
    newer = Atlas("9.0.0", techniques, atlas.mitigations, {**atlas.studies, "AML.CS0023": ("AML.T0006",)})
    told = {(one.id, one.what, one.became) for one in moved(newer)}
    assert told == {
        ("AML.T0020", "moved", "AML.T0999"),
        ("AML.T0025", "renamed", "Carried off"),
        ("AML.T0012", "gone", ""),
    }
    assert [one.what for one in unsteady(newer, {"AML.CS0023": ("AML.T0006", "AML.T0049")})] == ["changed"]
