"""The account says what the journal says; the pattern names nobody and is read back, or refused by what is wrong."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.respond import evidence
from ringfence.respond.pattern import FORMAT, LARGEST, Hop, encode, pattern_of, read
from ringfence.respond.postmortem import (
    LAPSED,
    NOT_DONE,
    STANDS,
    UNDONE,
    Link,
    Stopper,
    as_json,
    as_markdown,
    postmortem,
)
from ringfence.respond.values import HOLD, Cut, Decision
from tests.respond import evidence_story

INCIDENT = evidence_story.incident()
HOPS = (
    Hop(
        ("identity:mallory#use",),
        "host:gpu03#user",
        "RF-M036",
        (("identity:mallory", "may_login", "host:gpu03"), ("host:gpu03", "setting", "pam_slurm_adopt=off")),
        (1, 5),
    ),
    Hop(
        ("host:gpu03#user",), "host:gpu03#root", "RF-M062", (("host:gpu03", "vulnerable_to", "CVE-2024-1086"),), (1, 9)
    ),
    Hop(
        ("host:gpu03#root",), "model:lab/weights#read", "RF-M108", (("host:gpu03", "setting", "owner=mallory"),), (0, 1)
    ),
)
STOPS = (("move", "RF-M036"), ("entity", "host:gpu03"), ("entity", "host:elsewhere"))


def lines(*more):
    return list(enumerate([*evidence_story.story(), *evidence_story.story("RF-ffffffffffff"), *more]))


def told(incident=INCIDENT, given_lines=None, **more):
    return postmortem(incident, lines() if given_lines is None else given_lines, **more)


def test_the_timeline_has_the_signals_and_the_incidents_lines_in_the_order_of_time():
    """Each with the number of its line; nothing of another incident."""
    found = told().timeline
    assert [one.when for one in found] == sorted(one.when for one in found)
    assert [one.what for one in found[:3]] == ["signal", "signal", "plan"]
    own = len([one for one in evidence_story.story() if one.what != evidence.SIGNAL])
    assert len([one for one in found if one.line >= 0]) == own
    assert all(one.line < len(evidence_story.story()) for one in found)


def test_a_cut_ends_as_the_last_line_about_it_says():
    """Undone, lapsed, made again, held and never done."""
    block, held = Cut("block", "host:gpu03", "192.88.99.10"), Cut("isolate", "host:gpu03", "")
    plan, now = evidence_story.plan(), evidence_story.START + 1000
    undone = {one.cut: one for one in told().cuts}
    assert (undone[block].state, undone[block].ended) == (UNDONE, evidence_story.START + 603.0)
    assert undone[Cut("cancel", "cluster:lab", "41")].stays.startswith("a cancelled job stays cancelled")
    again = evidence.verified(INCIDENT.id, block, True, now, attempt=1)
    lapsed = evidence.lapsed(INCIDENT.id, block, 1, now + 1)
    waits = evidence.decided(plan, Decision(held, HOLD, "second-person", "too wide"), now)
    states = {one.cut: one.state for one in told(given_lines=lines(again, waits)).cuts}
    assert (states[block], states[held]) == (STANDS, NOT_DONE)
    assert {one.cut: one.state for one in told(given_lines=lines(again, lapsed)).cuts}[block] == LAPSED


def test_the_earliest_signal_that_could_have_cut_is_named_with_the_time_lost():
    """The first one that says what is held; one source alone cuts little."""
    first = told().earliest
    assert (first.name, first.alone) == ("RF.D01", False)
    assert first.seconds == pytest.approx(3.3)
    assert told(given_lines=[]).earliest.seconds is None
    blind = evidence_story.incident(signals=(evidence_story.signal(holds=()),))
    assert told(blind).earliest is None


def test_who_was_disturbed_is_told_once_something_was_cut():
    """A plan alone disturbs nobody."""
    assert told().disturbed == ("job:slurm/lab/41",)
    assert told(given_lines=lines()[:6]).disturbed == ()


def test_what_is_not_known_is_said():
    """No way, no line."""
    found = told(given_lines=[], links=[Link("a#b", "c#d")])
    assert "the estate knows no way from a#b to c#d" in found.unknown
    assert "the journal has no line of this incident" in found.unknown


def test_the_account_has_all_its_headings_and_says_where_each_thing_stands():
    """Markdown for people, JSON for programs."""
    stoppers = [Stopper("move", "RF-M036", 1, 0, "Let accounts in only where they have a job.")]
    found = told(links=[Link("identity:mallory#use", "model:lab/weights#read", HOPS)], stoppers=stoppers)
    text = as_markdown(found)
    for heading in (
        "Timeline",
        "Root cause",
        "What would have stopped it",
        "Who was disturbed",
        "At stake",
        "Not known",
    ):
        assert f"## {heading}" in text
    assert "repair RF-M036: saves 1 jewels, disturbs 0 jobs" in text
    assert "because identity:mallory may\\_login host:gpu03" in text
    assert "(line 2)" in text
    assert json.loads(as_json(found))["stoppers"][0]["what"] == "RF-M036"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=50, deadline=None)
def test_what_an_attacker_names_is_text_in_the_account(text):
    """No heading, link, image, row or tag of theirs."""
    wild = evidence_story.incident(
        title=f"\n# {text}\n<script>", signals=(evidence_story.signal(why=f"[x](y)\n## {text}"),)
    )
    shown = as_markdown(told(wild))
    assert sum(line.startswith("#") for line in shown.splitlines()) == 8
    assert "<script>" not in shown
    assert "[x](y)" not in shown


# the pattern


def test_a_pattern_says_how_and_not_who():
    """Moves, predicates, kinds; every name of the site is gone, equal things stay equal."""
    found = pattern_of(INCIDENT, HOPS, STOPS, ["block", "cancel", "block"])
    data = encode(found)
    for name in (b"mallory", b"gpu03", b"weights", b"192.88", b"owner=", b"RF-0123456789ab", b"lab"):
        assert name not in data
    assert [one.move for one in found.steps] == ["RF-M036", "RF-M062", "RF-M108"]
    assert found.steps[0].to == found.steps[1].start[0]
    assert [one.kind for one in found.nodes][:2] == ["identity", "host"]
    assert {one.value for one in found.nodes if one.value} == {"pam_slurm_adopt=off", "CVE-2024-1086"}
    assert (found.verbs, found.signals, found.threats) == (("block", "cancel"), ("RF.D01", "RF.D02"), ("RF.T03",))
    assert [(one.move, one.node) for one in found.stops] == [("RF-M036", -1), ("", 1)]
    assert [found.nodes[one.node].kind for one in (*found.starts, *found.ends)] == ["identity", "model"]


def test_a_pattern_comes_back_as_it_went_out():
    """With a way, and without."""
    for hops in (HOPS, ()):
        found = pattern_of(INCIDENT, hops, STOPS, ["block"])
        assert read(encode(found)) == found


ENTITIES = st.sampled_from(["host:a", "host:b", "identity:x", "model:m", "job:slurm/c/1"])
PLACES = st.builds("{}#{}".format, ENTITIES, st.sampled_from(["use", "user", "root", "read"]))
FACTS = st.tuples(ENTITIES, st.sampled_from(["may_login", "setting"]), st.one_of(ENTITIES, st.text(max_size=9)))
WAYS = st.lists(
    st.builds(
        Hop,
        st.lists(PLACES, min_size=1, max_size=3).map(tuple),
        PLACES,
        st.sampled_from(["RF-M036", "RF-M108"]),
        st.lists(FACTS, max_size=3).map(tuple),
    ),
    max_size=6,
)


@given(WAYS)
@settings(max_examples=80, deadline=None)
def test_every_way_makes_a_pattern_that_is_read_back(hops):
    """Whatever steps there are, in whatever order."""
    found = pattern_of(INCIDENT, hops)
    assert read(encode(found)) == found


def test_a_rule_of_the_site_is_not_named_by_its_own_name():
    """Only our detectors and Sigma ids are."""
    own = evidence_story.incident(
        signals=(evidence_story.signal("acme-secret-project"), evidence_story.signal("RF.D05"))
    )
    assert pattern_of(own, ()).signals == ("RF.D05",)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda made: made.update(format="ringfence-pattern/2"), "format"),
        (lambda made: made.update(more=1), "not a pattern"),
        (lambda made: made.update(threats=["RF.T99"]), "threat"),
        (lambda made: made.update(atlas=["T1"]), "ATLAS"),
        (lambda made: made.update(attack=["AML.T0025"]), "ATT&CK"),
        (lambda made: made.update(signals=["rm -rf"]), "no detector"),
        (lambda made: made.update(verbs=["shell"]), "verb"),
        (lambda made: made["steps"][0].update(move="RF-M999"), "step 0: this version knows no move"),
        (lambda made: made["steps"][0]["facts"][0].update(predicate="owns"), "step 0"),
        (lambda made: made["steps"][0]["facts"][0].update(object=99), "step 0"),
        (lambda made: made["steps"][1]["to"].update(node=99), "step 1"),
        (lambda made: made["steps"][1]["to"].update(capability="fly"), "step 1"),
        (lambda made: made["steps"].pop(0), "step 0: it starts where nobody has come"),
        (lambda made: made["ends"].append({"node": 0, "capability": "read"}), "not reached"),
        (lambda made: made["nodes"][0].update(kind="person"), "node 0"),
        (lambda made: made["nodes"][0].update(value="identity:alice"), "node 0"),
        (lambda made: made["nodes"][2].update(value="owner=alice"), "node 2"),
        (lambda made: made["stops"].append({"node": 99}), "stop"),
        (lambda made: made["steps"][0].update(start=[{"node": -1, "capability": "use"}]), "not a pattern"),
    ],
)
def test_a_pattern_that_does_not_fit_is_refused_by_what_is_wrong(change, why):
    """Names of people and hosts are refused as well."""
    made = json.loads(encode(pattern_of(INCIDENT, HOPS, STOPS, ["block"])))
    change(made)
    with pytest.raises(InputError, match=why):
        read(json.dumps(made).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b"[" * 10_000, b" " * (LARGEST + 1)])
def test_what_is_no_pattern_is_refused(data):
    """Bounded."""
    with pytest.raises(InputError):
        read(data)


def test_the_format_is_named_in_the_file():
    """For who reads it in ten years."""
    assert msgspec.json.decode(encode(pattern_of(INCIDENT, ())))["format"] == FORMAT
