"""`ringfence threats` on a generated cluster: every view prints, shapes are JSON, the status says what was found."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from ringfence.app.watch.incidents import keep
from ringfence.cli import run
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.threats import THREATS
from ringfence.store.saved import save


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("threats") / "c.estate"
    assert run(["generate", "--nodes", "64", "--seed", "7", "--out", str(path)]) == 0
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int) -> str:
    capsys.readouterr()
    assert run(["threats", *arguments]) == status
    return capsys.readouterr().out


def test_all_threats_stand_in_one_table(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each by id; some are open in a generated cluster, hence status 3."""
    printed = told(capsys, "--estate", str(estate), status=3)
    assert all(id_ in printed for id_ in THREATS)


def test_the_documented_shape(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An open finding has facts or a path, a mitigated one a control, an unknown one what is missing."""
    found = json.loads(told(capsys, "--estate", str(estate), "--json", status=3))
    assert [one["id"] for one in found["threats"]] == list(THREATS)
    findings = [each for one in found["threats"] for each in one["findings"]]
    assert {one["state"] for one in findings} == {"open", "mitigated", "unknown"}
    for one in findings:
        ways = [way for way in one["ways"] if way["state"] == one["state"]]
        key = {"open": ("facts", "positions"), "mitigated": ("control",), "unknown": ("missing",)}[one["state"]]
        assert any(way[name] for way in ways for name in key)
        assert one["path"] or not any(way["positions"] for way in one["ways"])
    for one in found["threats"]:
        assert sum(one["counts"].values()) >= len(one["findings"])


def test_one_threat_and_one_thing(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, "RF.T02", "--estate", str(estate), "--json", status=3))
    subject = found["threats"][0]["findings"][0]["subject"]
    assert subject in told(capsys, "theft_at_rest", "--of", subject, "--estate", str(estate), status=3)
    assert run(["threats", "RF.T99", "--estate", str(estate)]) == 2
    assert run(["threats", "RF.T02", "--of", "model:none", "--estate", str(estate)]) == 2


def test_pictures_layers_flows_incidents_and_levels(
    estate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every other view, as text and as JSON."""
    named = ("--estate", str(estate))
    assert "OR" in told(capsys, "RF.T02", "--tree", str(tmp_path / "t.svg"), *named, status=3)
    assert ET.parse(tmp_path / "t.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "t.svg").stat().st_mode & 0o777 == 0o600
    told(capsys, "--layer", str(tmp_path / "l.json"), *named, status=3)
    assert json.loads((tmp_path / "l.json").read_text())["domain"] == "atlas-atlas"
    flows = json.loads(told(capsys, "--stride", "--json", *named, status=3))
    assert flows
    assert all(set(one["harms"]) <= set("STRIDE") for one in flows)
    assert "loads" in told(capsys, "--stride", *named, status=3)
    past = json.loads(told(capsys, "--past", "--json", *named, status=0))
    assert "AML.CS0023" in [one["id"] for one in past["incidents"]]
    assert "would it work here?" in told(capsys, "--past", *named, status=0)
    levels = json.loads(told(capsys, "--rand", "--json", *named, status=3))
    assert levels["models"]
    assert any(one["hours_together"] for one in levels["models"])
    printed = told(capsys, "--rand", *named, status=3)
    assert "not above SL" in printed
    assert "meets" not in printed.replace("never says that a model meets", "")


def test_the_report_holds_each_threat_with_its_worst_thing(
    estate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One example of each that has any; without a watch nothing says what it sees now."""
    whole = json.loads(told(capsys, "--estate", str(estate), "--json", status=3))
    printed = told(capsys, "--estate", str(estate), "--html", str(tmp_path / "r.html"), status=3)
    assert "RF.T02" in printed
    page = (tmp_path / "r.html").read_text("utf-8")
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])["threats"]
    assert (data["from"], data["watched"]) == (whole["from"], False)
    for row, one in zip(data["threats"], whole["threats"], strict=True):
        assert all(row[name] == one[name] for name in ("id", "title", "state", "counts", "phases", "detectors"))
        assert row["example"] == (
            {"subject": one["findings"][0]["subject"], "reason": one["findings"][0]["reason"]}
            if one["findings"]
            else None
        )


def test_the_report_says_what_the_watch_sees_now(
    estate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, [], {"RF.T01": "under way", "RF.T02": "quiet"})
    whole = ("--estate", str(estate), "--home", str(tmp_path), "--html", str(tmp_path / "r.html"))
    told(capsys, *whole, status=3)
    data = json.loads((tmp_path / "r.html").read_text("utf-8").partition('id="data">')[2].partition("</script>")[0])
    live = {one["id"]: one["live"] for one in data["threats"]["threats"]}
    assert data["threats"]["watched"]
    assert (live["RF.T01"], live["RF.T02"], live["RF.T03"]) == ("under way", "quiet", "")


def test_a_watch_that_never_was_is_no_error(estate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its state of each threat is just not there."""
    found = json.loads(told(capsys, "--home", str(tmp_path / "w"), "--estate", str(estate), "--json", status=3))
    assert found["live"] == {}


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (["RF.T02", "--tree", "t.svg", "--layer", "l.json"], ["--tree", "--layer"]),
        (["--tree", "t.svg", "--layer", "l.json", "--atlas", "ATLAS.yaml"], ["--tree", "--layer", "--atlas"]),
        (["--rand", "--tree", "t.svg"], ["--rand", "--tree"]),
        (["--stride", "--past"], ["--stride", "--past"]),
        (["RF.T02", "--layer", "l.json"], ["--layer", "THREAT"]),
        (["--rand", "--of", "model:m"], ["--rand", "--of"]),
        (["--of", "model:m"], ["--of"]),
        (["--rand", "--role", "security=k.pem"], ["--role", "--attest"]),
    ],
)
def test_no_option_silently_does_away_with_another(
    estate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[str], named: list[str]
) -> None:
    """Nothing is written, and the error names those that do not go together."""
    at = [str(tmp_path / each) if each.endswith((".svg", ".json", ".yaml")) else each for each in asked]
    assert run(["threats", *at, "--estate", str(estate)]) == 2
    assert list(tmp_path.iterdir()) == []
    told = capsys.readouterr().err
    assert all(name in told for name in named)


VIEWS = [
    [],
    ["RF.T02"],
    ["--layer", "l.json"],
    ["--stride"],
    ["--html", "r.html"],
    ["RF.T02", "--tree", "t.svg"],
    ["--rand"],
]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_the_status_says_whether_anything_is_open_in_whichever_view(
    estate: Path, calm: Path, tmp_path: Path, view: list[str], more: list[str]
) -> None:
    """3 on a cluster with open threats, 0 where none is known to be open."""
    at = [str(tmp_path / each) if "." in each and not each.startswith("RF.") else each for each in view]
    assert run(["threats", *at, *more, "--estate", str(estate)]) == 3
    assert run(["threats", *at, *more, "--estate", str(calm)]) == 0


@pytest.mark.parametrize("most", ["-1", "0"])
def test_fewer_than_one_thing_cannot_be_asked_for(estate: Path, most: str) -> None:
    """Not all but the last."""
    assert run(["threats", "RF.T02", "--most", most, "--estate", str(estate)]) == 2


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    """One model of which nobody told who reads it."""
    lines = ['{"subject": "model:m", "predicate": "stored_on", "object": "storage:s:/w"}']
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "facts.ndjson").write_text("\n".join(lines) + "\n")
    assert run(["collect", "--from", str(tmp_path / "in"), "-o", str(tmp_path / "m.estate")]) == 0
    return tmp_path / "m.estate"


def test_nothing_here_is_told_apart_from_could_not_tell(calm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model of which nobody told who reads it is unknown; threats of clusters have nothing here to be about."""
    named = ("--estate", str(calm))
    found = {one["id"]: one for one in json.loads(told(capsys, *named, "--json", status=0))["threats"]}
    assert (found["RF.T02"]["state"], found["RF.T02"]["counts"]["unknown"]) == ("unknown", 1)
    assert (found["RF.T24"]["state"], found["RF.T24"]["findings"]) == ("nothing here", [])
    assert {one["state"] for one in found.values() if not sum(one["counts"].values())} == {"nothing here"}
    assert {one["state"] for one in found.values() if sum(one["counts"].values())} == {"unknown"}
    printed = " ".join(told(capsys, *named, status=0).split())
    assert "nothing here" in printed
    assert "nothing here" in told(capsys, "RF.T24", *named, status=0)


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        ("", "the estate holds no fact"),
        (
            '{"subject": "package:deb/a", "predicate": "setting", "object": "a=b"}',
            "the estate holds nothing that these",
        ),
    ],
)
@pytest.mark.parametrize("view", [[], ["RF.T02"], ["--stride"], ["--layer", "l.json"], ["--html", "r.html"]])
def test_an_estate_of_nothing_is_no_good_news(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fact: str, why: str, view: list[str]
) -> None:
    """Nothing was there to judge: it says so and exits 3 as the audit does, in whichever view."""
    facts = [msgspec.json.decode(fact, type=Fact)] if fact else []
    save(estate_of(facts), tmp_path / "n.estate")
    at = [str(tmp_path / each) if "." in each and not each.startswith("RF.") else each for each in view]
    for more in ([], ["--json"]):
        capsys.readouterr()
        assert run(["threats", *at, *more, "--estate", str(tmp_path / "n.estate")]) == 3
        assert f"nothing was judged: {why}" in " ".join(capsys.readouterr().err.split())


def test_no_data_flow_says_why(calm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not an empty table."""
    printed = " ".join(told(capsys, "--stride", "--estate", str(calm), status=0).split())
    assert "no data flow is known here: no fact says what a work reads or writes" in printed
    assert "! open" not in printed
