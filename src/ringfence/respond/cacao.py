"""Plans as CACAO 2.0 playbooks (OASIS, Committee Specification 01 of 27 November 2023), out and in.

        start ─▶ action (a cut) ─▶ action ─▶ … ─▶ end          in the order of the plan

An action bears one `manual` command, a sentence that any person or tool can carry out, and beside it our extension
with the cut. Reading takes nothing else: a step with a command of another type, a loop, a branch, a variable or a
property that we do not write is refused by its name, and so is a sentence that does not say what its cut does, since
people read the sentence and the guard does the cut. What was read is a wish: the guard decides each cut as ever.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from math import inf, isinf
from typing import Annotated, Any
from uuid import UUID

import msgspec

from ringfence.errors import InputError
from ringfence.respond.values import Cut, Plan, Planned, action_id
from ringfence.respond.verbs import VERBS, Grade

SPEC = "cacao-2.0"
LARGEST, MOST_STEPS = 4 << 20, 10_000
"""Bytes and steps beyond which a playbook is refused unread."""
VERSION = "1.0.0"
_DONE_AS = "a cut is taken by Ringfence's guard, or by hand from the sentence of its step"
_ACTIVITY = {
    Grade.WATCH: "analyze-collected-data",
    Grade.THROTTLE: "restrict-access",
    Grade.BLOCK: "restrict-access",
    Grade.ISOLATE: "disconnect-system",
    Grade.EXPEL: "eliminate-risk",
    Grade.HARD: "disconnect-system",
}
"""Activities of the specification's vocabulary (playbook-activity-type-ov)."""

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Texts = Annotated[tuple[Text, ...], msgspec.Meta(max_length=100_000)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Our extension of an action: the cut, what the plan says of it, and its state (`values.PLANNED` …; "": none)."""

    verb: Text
    place: Text
    subject: Text
    why: Text = ""
    jobs: Texts = ()
    hosts: Texts = ()
    needed: bool = True
    state: Text = ""


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Our extension of a playbook: the plan, without its cuts. Minutes without end are null."""

    incident: Text
    version: int
    grade: int
    held: Texts = ()
    jewels: Texts = ()
    left: Texts = ()
    lost: Texts = ()
    minutes: tuple[float | None, float | None] = (0.0, 0.0)
    seconds: float = 0.0
    jobs: Texts = ()
    exact: bool = True
    estate: Text = ""
    age: float = 0.0
    unknown: Texts = ()


class Playbook(msgspec.Struct, frozen=True):
    """A plan that was read, and the state of its cuts where it told one."""

    plan: Plan
    states: Mapping[Cut, str]


def playbook(plan: Plan, now: float, states: Mapping[Cut, str] | None = None) -> bytes:
    """The plan as a playbook, JSON, made at `now` (seconds since the epoch). The same plan has the same ids."""
    steps = [_id("action", action_id(plan.incident, one.cut), at) for at, one in enumerate(plan.cuts)]
    start, end = _id("start", plan.incident, plan.version), _id("end", plan.incident, plan.version)
    order = [*steps, end]
    workflow: dict[str, Any] = {start: {"type": "start", "on_completion": order[0]}}
    for at, (step, one) in enumerate(zip(steps, plan.cuts, strict=True)):
        workflow[step] = _action(one, order[at + 1], (states or {}).get(one.cut, ""))
    workflow[end] = {"type": "end"}
    when = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    about = {name: getattr(plan, name) for name in About.__struct_fields__}
    about |= {"grade": int(plan.grade), "minutes": [None if isinf(one) else one for one in plan.minutes]}
    made = {
        "type": "playbook",
        "spec_version": SPEC,
        "id": _id("playbook", plan.incident, plan.version),
        "name": f"contain {plan.incident}",
        "description": f"{len(plan.cuts)} cuts, as hard as {plan.grade.name.lower()}; {_DONE_AS}",
        "playbook_types": ["mitigation"],
        "playbook_activities": sorted({_ACTIVITY[one.cut.about.grade] for one in plan.cuts}) or ["eliminate-risk"],
        "created_by": _MAKER,
        "created": when,
        "modified": when,
        "workflow_start": start,
        "workflow": workflow,
        "playbook_extensions": {_EXTENSION: about},
        "agent_definitions": {_AGENT: {"type": "group", "name": "those who run the guard"}},
        "extension_definitions": {_EXTENSION: _DEFINITION},
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def read(data: bytes) -> Playbook:
    """The plan in a playbook. Raises `InputError` that names the step, for all that is not a cut of ours."""
    found = _decoded(data)
    _only(found, _PLAYBOOK, "the playbook")
    if (found.get("type"), found.get("spec_version")) != ("playbook", SPEC):
        raise InputError(f"not a playbook of {SPEC}", remedy="`ringfence respond plan --cacao` writes one")
    _only(_dict(found, "extension_definitions", "the playbook"), {_EXTENSION}, "extension_definitions")
    extensions = _dict(found, "playbook_extensions", "the playbook")
    _only(extensions, {_EXTENSION}, "playbook_extensions")
    about = _as(extensions.get(_EXTENSION), About, "the playbook's extension")
    steps = _chain(_dict(found, "workflow", "the playbook"), found.get("workflow_start"))
    cuts = tuple(Planned(Cut(s.verb, s.place, s.subject), s.why, s.jobs, s.hosts, s.needed) for s in steps)
    if len({one.cut for one in cuts}) < len(cuts):
        raise InputError("the playbook does the same cut twice")
    return Playbook(
        _plan(about, cuts), {one.cut: step.state for one, step in zip(cuts, steps, strict=True) if step.state}
    )


def sentence(cut: Cut) -> str:
    """What a person does to make the cut."""
    return f"{cut.about.title}: {cut.subject or 'all that is cut'} at {cut.place}"


def _action(one: Planned, then: str, state: str) -> dict[str, Any]:
    about = one.cut.about
    activity = _ACTIVITY[about.grade]
    step = Step(one.cut.verb, one.cut.place, one.cut.subject, one.why, one.jobs, one.hosts, one.needed, state)
    return {
        "type": "action",
        "name": about.title,
        "description": one.why + (f" ({about.undo})" if about.undo else ""),
        "commands": [{"type": "manual", "command": sentence(one.cut), "playbook_activity": activity}],
        "agent": _AGENT,
        "on_completion": then,
        "step_extensions": {_EXTENSION: msgspec.to_builtins(step)},
    }


def _chain(workflow: dict[str, Any], start: Any) -> list[Step]:
    """The actions from start to end, each step passed once and none left out."""
    if len(workflow) > MOST_STEPS:
        raise InputError(f"a playbook of {len(workflow)} steps; {MOST_STEPS} are read")
    for name, step in workflow.items():
        kind = step.get("type") if isinstance(step, dict) else None
        if not isinstance(kind, str) or kind not in _STEPS:
            raise InputError(f"step {name[:100]}: a step of type {str(kind)[:50]!r} is not one of ours")
        _only(step, _STEPS[kind], f"step {name[:100]}")
    found, passed, at = [], set(), start
    while True:
        step = workflow.get(at) if isinstance(at, str) else None
        if step is None or at in passed or (step["type"] == "start") != (at == start):
            raise InputError(f"step {str(at)[:100]}: the steps are no row from start to end")
        passed.add(at)
        if step["type"] == "end":
            break
        if step["type"] == "action":
            found.append(_step(at, step))
        at = step.get("on_completion")
    if left := [name for name in workflow if name not in passed]:
        raise InputError(f"step {left[0][:100]}: nothing leads to it")
    return found


def _step(name: str, step: dict[str, Any]) -> Step:
    where = f"step {name[:100]}"
    commands = step.get("commands")
    for one in commands if isinstance(commands, list) else ():
        kind = one.get("type") if isinstance(one, dict) else None
        if kind != "manual":
            raise InputError(f"{where}: a command of type {str(kind)[:50]!r} is not carried out here", remedy=_ONLY)
        _only(one, _COMMAND, where)
    extensions = _dict(step, "step_extensions", where)
    _only(extensions, {_EXTENSION}, where)
    found: Step = _as(extensions.get(_EXTENSION), Step, f"{where}: its extension")
    if found.verb not in VERBS:
        raise InputError(f"{where}: {found.verb[:50]!r} is not a verb of ours", remedy=_ONLY)
    if not (found.place.partition(":")[2] and (found.place + found.subject).isprintable()):
        raise InputError(f"{where}: {found.place[:50]!r} is no place")
    said = [one.get("command") for one in commands] if isinstance(commands, list) else []
    if said != [sentence(Cut(found.verb, found.place, found.subject))]:
        raise InputError(f"{where}: its sentence is not that of its cut", remedy=_ONLY)
    return found


def _plan(about: About, cuts: tuple[Planned, ...]) -> Plan:
    try:
        grade = Grade(about.grade)
    except ValueError:
        raise InputError(f"the playbook's extension: {about.grade} is no grade") from None
    fields = {name: getattr(about, name) for name in About.__struct_fields__}
    low, high = (inf if one is None else one for one in about.minutes)
    return Plan(**(fields | {"grade": grade, "minutes": (low, high), "cuts": cuts}))


def _decoded(data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST:
        raise InputError(f"a playbook of {len(data)} bytes; {LARGEST} are read")
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not a playbook: {error}"[:300]) from None


def _dict(value: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    found = value.get(name)
    if not isinstance(found, dict):
        raise InputError(f"{where}: it has no {name}")
    return found


def _only(value: dict[str, Any], known: Collection[str], where: str) -> None:
    for name in value:
        if name not in known:
            raise InputError(f"{where}: {name[:100]!r} is not taken here", remedy=_ONLY)


def _as(value: Any, kind: type[Any], where: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {error}"[:300]) from None


def _id(kind: str, *parts: object) -> str:
    """An identifier: the UUID has the form of version 4, as steps must, and is made of what it names."""
    made = bytearray(sha256("\0".join(map(str, ("ringfence", kind, *parts))).encode()).digest()[:16])
    made[6], made[8] = made[6] & 0x0F | 0x40, made[8] & 0x3F | 0x80
    return f"{kind}--{UUID(bytes=bytes(made))}"


_ONLY = "a playbook holds our own cuts alone; put the rest into one of another tool"
_EXTENSION, _AGENT = _id("extension-definition", "cut", VERSION), _id("group", "guard")
_MAKER = _id("identity", "ringfence")
_DEFINITION = {
    "type": "extension-definition",
    "name": "Ringfence cuts",
    "description": f"The cut of a step: verb, place and subject; {_DONE_AS}.",
    "created_by": _MAKER,
    "schema": "docs/design/respond.md of Ringfence: the fields of respond.cacao.Step and respond.cacao.About",
    "version": VERSION,
}
_PLAYBOOK = {
    "type", "spec_version", "id", "name", "description", "playbook_types", "playbook_activities", "created_by",
    "created", "modified", "workflow_start", "workflow", "playbook_extensions", "agent_definitions",
    "extension_definitions", "labels", "priority", "severity", "impact",
}  # fmt: skip
_STEPS = {
    "start": {"type", "name", "description", "on_completion"},
    "end": {"type", "name", "description"},
    "action": {
        "type", "name", "description", "commands", "agent", "on_completion", "step_extensions", "external_references",
    },
}  # fmt: skip
_COMMAND = {"type", "command", "description", "playbook_activity"}
