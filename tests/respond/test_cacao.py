"""A plan goes out as a CACAO 2.0 playbook and comes back the same; nothing foreign comes in.

The JSON schemas that are published for the specification are non-normative, and no part of the project: `SCHEMA` here
is written for what we write, from what Committee Specification 01 and they say of it.
"""

import copy
import json
import string

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.respond.cacao import LARGEST, playbook, read, sentence
from ringfence.respond.values import DONE, Cut, Plan, Planned
from ringfence.respond.verbs import VERBS, Grade
from tests.respond import evidence_story

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
STEP_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}


def id_of(*kinds):
    return {"type": "string", "pattern": f"^({'|'.join(kinds)})--{UUID}$"}


def keyed(kind, schema, uuid=UUID):
    return {"type": "object", "patternProperties": {f"^{kind}--{uuid}$": schema}, "additionalProperties": False}


def an(kind, required, **properties):
    return {
        "type": "object",
        "properties": {"type": {"const": kind}, **properties},
        "required": ["type", *required],
        "additionalProperties": False,
    }


STRING, STRINGS = {"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}
NEXT = id_of("action", "end")
EXTENSIONS = keyed("extension-definition", {"type": "object"})
COMMAND = an("manual", ["command"], command=STRING, playbook_activity=STRING)
ACTION = an(
    "action",
    ["commands", "agent"],
    name=STRING,
    description=STRING,
    commands={"type": "array", "items": COMMAND, "minItems": 1},
    agent=id_of("group"),
    on_completion=NEXT,
    step_extensions=EXTENSIONS,
    external_references={"type": "array", "items": {"required": ["name"]}},
)
DEFINITION = an(
    "extension-definition",
    ["name", "created_by", "schema", "version"],
    name=STRING,
    description=STRING,
    created_by=id_of("identity"),
    schema=STRING,
    version={"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
)
SCHEMA = an(
    "playbook",
    ["spec_version", "id", "name", "created_by", "created", "modified", "workflow_start", "workflow"],
    spec_version={"const": "cacao-2.0"},
    id=id_of("playbook"),
    name=STRING,
    description=STRING,
    playbook_types={"type": "array", "items": {"enum": ["mitigation"]}},
    playbook_activities=STRINGS,
    created_by=id_of("identity"),
    created=TIME,
    modified=TIME,
    workflow_start=id_of("start"),
    workflow={
        "type": "object",
        "patternProperties": {
            f"^start--{STEP_UUID}$": an("start", ["on_completion"], on_completion=NEXT),
            f"^action--{STEP_UUID}$": ACTION,
            f"^end--{STEP_UUID}$": an("end", []),
        },
        "additionalProperties": False,
        "minProperties": 2,
    },
    playbook_extensions=EXTENSIONS,
    agent_definitions=keyed("group", an("group", ["name"], name=STRING)),
    extension_definitions=keyed("extension-definition", DEFINITION),
)

NAMES = st.text(string.ascii_lowercase + string.digits + "-/.#äé", min_size=1, max_size=30)
MANY = st.lists(NAMES, max_size=4).map(tuple)
CUTS = st.builds(Cut, st.sampled_from(sorted(VERBS)), NAMES.map("host:{}".format), st.one_of(NAMES, st.just("")))
PLANNED = st.builds(Planned, CUTS, NAMES, MANY, MANY, st.booleans())
MINUTES = st.one_of(st.floats(0, 1e6), st.just(float("inf")))
PLANS = st.builds(
    Plan,
    NAMES,
    st.integers(0, 1 << 40),
    st.sampled_from(list(Grade)),
    st.lists(PLANNED, max_size=8, unique_by=lambda one: one.cut).map(tuple),
    MANY,
    MANY,
    MANY,
    MANY,
    st.tuples(MINUTES, MINUTES),
    st.floats(0, 1e6),
    MANY,
    st.booleans(),
    NAMES,
    st.floats(0, 1e9),
    MANY,
)


@given(PLANS)
@settings(max_examples=100, deadline=None)
def test_a_plan_comes_back_as_it_went_out(plan):
    """All of it, the cuts in their order."""
    assert read(playbook(plan, 1_790_000_000.5)).plan == plan


@given(PLANS)
@settings(max_examples=50, deadline=None)
def test_a_playbook_is_what_the_specification_asks_for(plan):
    """Required properties, identifiers, times; each UUID stands for one thing; every reference leads somewhere."""
    made = json.loads(playbook(plan, 1_790_000_000.5))
    jsonschema.validate(made, SCHEMA)
    names = [*made["workflow"], *made["agent_definitions"], *made["extension_definitions"], made["id"]]
    assert len({one.partition("--")[2] for one in names}) == len(names)
    assert made["workflow_start"] in made["workflow"]
    for step in made["workflow"].values():
        assert step.get("on_completion", made["workflow_start"]) in made["workflow"]
        assert set(step.get("step_extensions", {})) <= set(made["extension_definitions"])
        assert step.get("agent", next(iter(made["agent_definitions"]))) in made["agent_definitions"]


def test_states_go_along():
    """Those that are told."""
    plan = evidence_story.plan()
    states = {plan.cuts[0].cut: DONE}
    assert read(playbook(plan, 1.0, states)).states == states


def test_the_same_plan_has_the_same_playbook():
    """But for the time at which it was made."""
    plan = evidence_story.plan()
    assert playbook(plan, 1.0) == playbook(plan, 1.0)
    assert json.loads(playbook(plan, 1.0))["id"] == json.loads(playbook(plan, 2.0))["id"]


def test_a_step_says_in_words_what_it_does():
    """A person can carry it out without us."""
    assert sentence(Cut("block", "host:gpu03", "192.88.99.10")) == "block an address: 192.88.99.10 at host:gpu03"


def changed(change):
    made = json.loads(playbook(evidence_story.plan(), 1.0))
    steps = [one for one in made["workflow"] if one.startswith("action")]
    change(made, made["workflow"][steps[1]], steps[1])
    return json.dumps(made).encode(), steps[1]


@pytest.mark.parametrize(
    "kind",
    [
        "bash",
        "ssh",
        "http-api",
        "powershell",
        "caldera-cmd",
        "elastic",
        "jupyter",
        "kestrel",
        "openc2-http",
        "sigma",
        "yara",
        "python",
        None,
        7,
    ],
)
def test_a_foreign_command_is_refused_by_its_step(kind):
    """Instead of ours, or behind it."""
    command = {"type": kind, "command": "rm -rf /"}

    def instead(_, step, __):
        step["commands"] = [command]

    def behind(_, step, __):
        step["commands"].append(command)

    for change in (instead, behind):
        data, name = changed(change)
        with pytest.raises(InputError, match=name) as refused:
            read(data)
        assert "not carried out here" in refused.value.what


STEPS = {
    "while-condition": {"condition": "1 == 1", "on_true": "x"},
    "if-condition": {"condition": "1 == 1", "on_true": "x"},
    "switch-condition": {"switch": "x", "cases": {}},
    "parallel": {"next_steps": ["x"]},
    "playbook-action": {"playbook_id": "playbook--x"},
    "single": {},
}


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_loops_branches_and_other_playbooks_are_refused_by_their_step(kind):
    """A row of cuts is all that is read."""
    data, name = changed(lambda made, _, name: made["workflow"].update({name: {"type": kind, **STEPS[kind]}}))
    with pytest.raises(InputError, match=f"{name}.*not one of ours"):
        read(data)


@pytest.mark.parametrize(
    "name",
    ["step_variables", "in_args", "out_args", "targets", "on_success", "on_failure", "delay", "timeout", "owner"],
)
def test_what_we_do_not_write_into_a_step_is_refused(name):
    """Variables, arguments, targets, other ways on."""
    data, step = changed(lambda _, step, __: step.update({name: {"__x__": {"type": "string", "value": "y"}}}))
    with pytest.raises(InputError, match=f"{step}.*{name}"):
        read(data)


@pytest.mark.parametrize(
    "name",
    [
        "playbook_variables",
        "workflow_exception",
        "authentication_info_definitions",
        "target_definitions",
        "signatures",
        "markings",
        "valid_until",
    ],
)
def test_what_we_do_not_write_into_a_playbook_is_refused(name):
    """It could change what is done, or when."""
    data, _ = changed(lambda made, *_: made.update({name: {}}))
    with pytest.raises(InputError, match=name):
        read(data)


def swap(field, value):
    def change(_, step, __):
        (extension,) = step["step_extensions"].values()
        extension[field] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        swap("place", "host:other"),
        swap("subject", "10.0.0.1"),
        swap("verb", "isolate"),
        swap("verb", "shell"),
        swap("place", "no place"),
        swap("subject", "a\nb"),
        swap("jobs", "all"),
        swap("more", 1),
        lambda _, step, __: step.update(commands=[]),
        lambda _, step, __: step.update(commands="ls"),
        lambda _, step, __: step.pop("commands"),
        lambda _, step, __: step.pop("step_extensions"),
        lambda _, step, __: step["commands"][0].update(command="isolate everything"),
        lambda _, step, __: step["commands"][0].update(command_b64="cm0gLXJmIC8="),
        lambda _, step, __: step["step_extensions"].update({"extension-definition--x": {}}),
        lambda _, step, name: step.update(on_completion=name),
        lambda _, step, __: step.update(on_completion="end--nowhere"),
        lambda _, step, __: step.update(on_completion=None),
        lambda made, _, name: made["workflow"].update({"action--more": copy.deepcopy(made["workflow"][name])}),
        lambda made, step, name: made["workflow"].update({name: 7}),
    ],
)
def test_a_step_that_is_not_what_it_says_is_refused_by_its_name(change):
    """What a person reads is what would be done."""
    data, _ = changed(change)
    with pytest.raises(InputError, match=r"step (action|end|None)"):
        read(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"\xff", b'{"type":"playbook","spec_version":"1.0"}', b"[" * 10_000, b" " * (LARGEST + 1)],
)
def test_what_is_no_playbook_is_refused(data):
    """Bounded."""
    with pytest.raises(InputError):
        read(data)


def test_a_playbook_with_too_many_steps_is_refused():
    """Before any of them is looked at."""
    made = json.loads(playbook(evidence_story.plan(), 1.0))
    made["workflow"] |= {str(at): {} for at in range(10_001)}
    with pytest.raises(InputError, match="steps"):
        read(json.dumps(made).encode())
