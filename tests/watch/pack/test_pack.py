"""The rules that ship: each finds what it is for, and leaves alone what differs from that in the one thing."""

import re
import uuid
from pathlib import Path

import pytest
import yaml

from ringfence.app.watch.pack import texts
from ringfence.app.watch.rules_docs import rules_page
from ringfence.watch.batch import of_events
from ringfence.watch.correlate import Correlator, Source, State, plans
from ringfence.watch.sigma import Matcher, load
from ringfence.wire.ocsf.classes import CLASSES
from ringfence.wire.ocsf.columns import COLUMNS, UNMAPPED
from tests.shared_data import shared
from tests.watch.pack.cases import HERE, cases

RULES, PROBLEMS = load(texts())


@pytest.fixture(scope="module")
def hits():
    """Every case of a rule of single events in one batch, and (file, row in the batch) of what was hit."""
    events, starts = [], []
    for rule in RULES.rules:
        starts.append(len(events))
        for part in cases(rule.file):
            assert len(part) == 1, rule.file
            events += part
    found = Matcher(RULES).match(of_events(events))
    return starts, set(zip(found.rules.tolist(), found.rows.tolist(), strict=True))


def test_every_text_is_a_rule():
    """None is refused, and there are as many as were promised."""
    assert PROBLEMS == []
    assert len(RULES.rules) >= 90
    assert len(RULES.correlations) >= 8


def test_each_rule_finds_what_it_is_for(hits):
    """Its event, among those of all others."""
    starts, found = hits
    missed = [rule.file for at, rule in enumerate(RULES.rules) if (at, starts[at]) not in found]
    assert missed == []


def test_each_rule_leaves_the_near_miss_alone(hits):
    """What differs in the one thing that matters."""
    starts, found = hits
    wrong = [rule.file for at, rule in enumerate(RULES.rules) if (at, starts[at] + 1) in found]
    assert wrong == []


def test_rules_and_cases_are_the_same_set():
    """No rule without its events, and no events without a rule."""
    files = {Path(name).with_suffix("") for name, _ in texts()}
    assert files == {path.relative_to(HERE).with_suffix("") for path in HERE.rglob("*.ndjson")}


def test_every_rule_has_its_heading():
    """In docs/rules.md, which `make docs` writes."""
    page = (HERE.parents[2] / "docs" / "rules.md").read_text("utf-8")
    assert page == rules_page(), "run `make docs`"
    headings = re.findall(r"^### `(.+?)`: ", page, re.MULTILINE)
    assert headings == [name.removesuffix(".yml") for name, _ in texts()]


def test_near_misses_are_near():
    """A near miss of a single event has the class and log source of its match, and differs in few columns."""
    for rule in RULES.rules:
        (yes,), (no,) = cases(rule.file)
        names = yes.fields.keys() | no.fields.keys()
        other = [name for name in names if yes.fields.get(name) != no.fields.get(name)]
        other += ["activity_id"] * (yes.activity_id != no.activity_id)
        assert yes.class_uid == no.class_uid, rule.file
        assert yes.logsource == no.logsource, rule.file
        assert 1 <= len(other) <= 4, (rule.file, other)


def test_every_rule_says_who_why_and_how_sure():
    """Id, title, status, description, author, date, level, tags and honest causes; each id once."""
    seen, titles = set(), set()
    for name, text in texts():
        said = yaml.safe_load(text)
        assert str(uuid.UUID(said["id"])) == said["id"], name
        assert said["author"] == "Ringfence", name
        assert said["status"] in {"experimental", "test", "stable"}, name
        assert said["level"] in {"informational", "low", "medium", "high", "critical"}, name
        assert len(said["description"]) > 40, name
        assert said["falsepositives"], name
        assert all(isinstance(one, str) for one in said["falsepositives"]), name
        assert all(
            re.fullmatch(r"(attack\.t[0-9.]+|attack\.[a-z-]+|atlas\.aml\.t[0-9.]+)", one) for one in said["tags"]
        ), name
        assert said["id"] not in seen, name
        assert said["title"] not in titles, name
        seen.add(said["id"])
        titles.add(said["title"])


def test_rules_read_columns_that_exist():
    """Our own or, under Sigma's names, those that a reader fills; Kubernetes' subresource is kept as it is."""
    kept = {f"{UNMAPPED}objectRef.subresource"}
    for rule in RULES.rules:
        own = {name for name in rule.columns if not name.startswith(UNMAPPED)}
        assert own <= set(COLUMNS), rule.file
        assert own or kept & set(rule.columns), rule.file
        yes, _ = cases(rule.file)
        assert set(yes[0].fields) <= set(COLUMNS) | kept, rule.file
        assert yes[0].class_uid in CLASSES, rule.file
        assert yes[0].activity_id in CLASSES[yes[0].class_uid].activities, rule.file


def test_what_a_correlation_names_is_there():
    """Rules or other correlations of the pack, by their ids."""
    ids = {one.id for one in (*RULES.rules, *RULES.correlations)}
    for one in RULES.correlations:
        assert set(one.rules) <= ids, one.file


def test_ids_of_others_are_theirs():
    """ATLAS ids stand in ATLAS.yaml; ATT&CK ids there or as a tag of a SigmaHQ rule."""
    atlas = shared("atlas/ATLAS.yaml").read_text("utf-8")
    texts_ = (path.read_text("utf-8", "replace") for path in shared("sigma").rglob("*.yml"))
    known = {tag for text in texts_ for tag in re.findall(r"attack\.[a-z0-9.-]+", text)}
    known |= {f"atlas.{one.lower()}" for one in re.findall(r"id: (AML\.T[0-9.]+)\n", atlas)}
    known |= {f"attack.{one.lower()}" for one in re.findall(r"id: (T[0-9.]+)\n", atlas)}
    for rule in (*RULES.rules, *RULES.correlations):
        assert set(rule.tags) <= known, rule.file


@pytest.mark.parametrize("name", [one.file for one in RULES.correlations])
def test_each_correlation_fires_on_its_events_and_not_on_its_near_miss(name, ready):
    """From the events through the rules that it counts."""
    matcher, source, correlator, ids = ready
    for expected, events in zip((True, False), cases(name), strict=True):
        batch, state = of_events(events), State()
        points = list(source.points(batch, matcher.match(batch)))
        told = correlator.take(state, points, max(event.time for event in events)) + correlator.end(state)
        assert any(one.correlation == ids[name] for one in told) is expected, (name, expected)


@pytest.fixture(scope="module")
def ready():
    """The matcher, what takes points from its hits, the correlator, and the ids of correlations by file."""
    made, problems = plans(RULES)
    assert problems == []
    ids = {one.file: one.id for one in RULES.correlations}
    return Matcher(RULES), Source(made, RULES.rules), Correlator(made), ids
