"""The matcher finds what walking pySigma's tree event by event finds: for made-up rules, and for SigmaHQ's."""

import random
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.watch.batch import Batch
from ringfence.watch.sigma import Matcher, load
from ringfence.watch.sigma.ruleset import Ruleset
from tests.shared_data import shared
from tests.watch.sigma.helpers import batch, rows_of, rule
from tests.watch.sigma.naive import Naive, rules

COLUMNS = ("process.cmd_line", "process.file.path", "actor.process.cmd_line", "message", "unmapped.Odd", "process.pid")
FIELDS = ("CommandLine", "Image", "ParentCommandLine", "Odd", "ProcessId", "unmapped.Odd")
WORDS = st.text(alphabet="abAB/\\.-*? éÉKkſsΣσς1", max_size=6)
PLAIN = ("", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "|windash|contains", "|neq")
ASKED = st.one_of(
    st.tuples(st.sampled_from(PLAIN), st.one_of(WORDS, st.lists(WORDS, min_size=1, max_size=4))),
    st.tuples(st.just("|contains|all"), st.lists(WORDS, min_size=2, max_size=3)),
    st.tuples(st.sampled_from(("|re", "|re|i")), st.sampled_from(("a.*b", "^a", "(a|b)+1$", "[kK]", "é", "ab?|/"))),
    st.tuples(st.just(""), st.one_of(st.none(), st.integers(-2, 200))),
    st.tuples(st.sampled_from(("|lt", "|gte", "|gt", "|lte")), st.integers(-2, 200)),
    st.tuples(st.sampled_from(("|fieldref", "|fieldref|contains")), st.sampled_from(FIELDS)),
    st.tuples(st.just("|exists"), st.booleans()),
)
MAPS = st.lists(st.tuples(st.sampled_from(FIELDS), ASKED), min_size=1, max_size=3).map(
    lambda asked: {field + how: value for field, (how, value) in asked}
)
DETECTIONS = st.one_of(MAPS, st.lists(MAPS, min_size=1, max_size=2), st.lists(WORDS, min_size=1, max_size=2))
CONDITIONS = (
    "a",
    "not a",
    "a and b",
    "a or not b",
    "a and not (b or c)",
    "1 of them",
    "all of them",
    "b and not a or c",
)
CELLS = st.one_of(st.none(), WORDS)
ROWS = st.fixed_dictionaries(dict.fromkeys(COLUMNS[:-1], CELLS) | {COLUMNS[-1]: st.none() | st.integers(-3, 300)})


def _pairs(ruleset: Ruleset, events: Batch, **how: bool) -> set[tuple[int, str]]:
    found = Matcher(ruleset, **how).match(events)
    return {(row, ruleset.rules[one].id) for row, one in zip(found.rows.tolist(), found.rules.tolist(), strict=True)}


def _expected(texts: list[str], events: Batch) -> set[tuple[int, str]]:
    rows = rows_of(events)
    asked = [(str(one.id), Naive(one)) for text in texts for one in rules(text)]
    return {(at, name) for at, row in enumerate(rows) for name, ask in asked if ask(row)}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(DETECTIONS, DETECTIONS, DETECTIONS, st.sampled_from(CONDITIONS)), min_size=1, max_size=70),
    st.lists(ROWS, max_size=40),
)
def test_made_up_rules_on_made_up_events(made, values):
    """More rules than a word has bits, fewer rows than a sample, every kind of question."""
    texts = []
    for number, (a, b, c, condition) in enumerate(made):
        detection = {"a": a, "b": b, "c": c, "condition": condition}
        body = yaml.safe_dump(detection, allow_unicode=True, width=10_000)
        texts.append(rule(body, f"00000000-0000-4000-8000-{number:012d}"))
    ruleset, problems = load([(f"{at}.yml", text) for at, text in enumerate(texts)])
    kept = {one.file for one in ruleset.rules}
    assert all("keyword" in one.what or "dash" in one.what for one in problems), problems
    events = batch([{name: cell for name, cell in row.items() if cell is not None} for row in values])
    asked = [text for at, text in enumerate(texts) if f"{at}.yml" in kept]
    assert _pairs(ruleset, events, routed=False) == _expected(asked, events)


def _literals(ruleset: Ruleset) -> list[str]:
    from ringfence.watch.sigma import tree

    asked = [atom for one in ruleset.rules for atom in tree.atoms(one.when) if atom.op == tree.LIKE]
    return sorted({part for atom in asked for part in atom.parts if isinstance(part, str) and part})


def _events(ruleset: Ruleset, count: int, seed: int) -> Batch:
    """Events whose fields are put together from the texts that rules look for."""
    dice = random.Random(seed)
    columns = sorted({column for one in ruleset.rules for column in one.columns})
    words = _literals(ruleset)
    ordinary = ["/usr/bin/python3", "torchrun --nproc 8 train.py", "root", "/scratch/run/7", "slurmstepd", "é", ""]

    def cell() -> str:
        parts = [dice.choice(words if dice.random() < 0.8 else ordinary) for _ in range(dice.randint(1, 3))]
        return dice.choice(("", " ", "/")).join(parts)

    rows = []
    for _ in range(count):
        taken = dice.sample(columns, dice.randint(1, min(len(columns), 12)))
        rows.append({name: cell() if not name.endswith((".port", ".pid", ".code")) else 443 for name in taken})
    return batch(rows)


def _given(folder: Path) -> list[tuple[str, str]]:
    return [(str(path.relative_to(folder)), path.read_text()) for path in sorted(folder.rglob("*.yml"))]


@pytest.mark.parametrize("routed", [False, True])
def test_sigmahq_rules_for_linux(routed):
    """All of them on events put together from their own words; routed, those of the event's category alone."""
    texts = _given(shared("sigma/rules/linux"))
    ruleset, problems = load(texts)
    assert not problems
    assert len(ruleset.rules) > 200
    events = _events(ruleset, 300, 7)
    expected = _expected([text for _, text in texts], events)
    meant = {one.id for one in ruleset.rules if one.category in ("", "process_creation") and not one.service}
    assert len(expected) > 300
    assert _pairs(ruleset, events, routed=routed) == {hit for hit in expected if not routed or hit[1] in meant}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_all_of_sigmahq(seed):
    """Every rule, on events put together from their words."""
    texts = [
        one
        for name in ("rules", "rules-emerging-threats", "rules-threat-hunting")
        for one in _given(shared(f"sigma/{name}"))
    ]
    known = {"known_cdcs": ["dc01"]}
    ruleset, _ = load(texts, known)
    meant = {one.file for one in ruleset.rules}
    events = _events(ruleset, 150, seed)
    plain = [text for name, text in texts if name in meant and "|expand" not in text]
    found = _pairs(ruleset, events, routed=False)
    expanded = {one.id for one in ruleset.rules if "expand" in dict(texts)[one.file]}
    assert {hit for hit in found if hit[1] not in expanded} == _expected(plain, events)
