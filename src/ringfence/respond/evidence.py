"""What respond writes into the fence's journal: one line for each thing seen, decided, ordered, read back, undone.

        act, guard, undo ─▶ Line with an event id ─▶ Evidence.write (one append a batch) ─▶ journal ─▶ witnesses

An event id says "this, once": it is derived from what the line is about, never from when it was written, so that
whoever was cut off before it knew that a line stands writes it again and the journal has it once. A line that is too
long for the journal keeps its head and the SHA-256 of all of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

import msgspec

from ringfence.respond.values import Cut, Decision, Plan, action_id
from ringfence.store.journal.lines import Line
from ringfence.watch.values import Incident, Signal

GUARD = "service:ringfence/guard"
"""The actor of a line that nobody pressed for."""

SIGNAL, PLAN, DECISION, COMMAND, READ_BACK, VERIFY, UNDO, LAPSED = (
    "respond.signal", "respond.plan", "respond.decision", "respond.command", "respond.read-back", "respond.verify",
    "respond.undo", "respond.lapsed",
)  # fmt: skip
STOP, RESUME, APPROVAL, RELEASE, PAGE, WITNESS, LOST, EXPORTED = (
    "respond.stop", "respond.resume", "respond.approval", "respond.release", "respond.page", "respond.witness",
    "respond.lost", "respond.exported",
)  # fmt: skip
"""The verbs of lines (`Line.what`). Each stands in docs/design/respond-evidence.md."""

EVENT, WHOLE = "event", "sha256"
"""Keys in `Line.detail`: the event's id, and the digest of a detail that was too long."""

LONGEST = 60_000
"""Bytes of a line beyond which its detail is cut: below what the journal takes."""
_TEXT = 500
_HEADS = (128, 32, 8, 2, 0)
"""How many of each list are kept of a detail that is too long, until the line is short enough; 0: only its digest."""
_ENCODER = msgspec.json.Encoder(order="sorted")


class Evidence(Protocol):
    """Where lines go."""

    def write(self, lines: Sequence[Line]) -> None:
        """Put these in the journal, in order, each event once; on disk when this returns.

        Raises `StateError` where the disk is full or fails: the lines wait then, and go in before the next ones.
        """


def event_id(what: str, *parts: str) -> str:
    """The id of an event: 32 hexadecimal digits, the same however often it is told."""
    said = (what, *parts)
    return sha256(b"".join(len(one.encode()).to_bytes(4, "big") + one.encode() for one in said)).hexdigest()[:32]


def digest(document: str) -> str:
    """SHA-256 of a document (`wire.contain`) as it was ordered or read, hexadecimal; "" for the empty one."""
    return sha256(document.encode()).hexdigest() if document else ""


def line(
    what: str, subject: str, when: float, key: Iterable[str], detail: Mapping[str, Any], actor: str = GUARD
) -> Line:
    """A line with its event id, derived from `what`, `subject` and `key`; cut to what the journal takes."""
    event, when = event_id(what, subject, *key), float(when)
    made = Line(when, actor, what, subject, {**detail, EVENT: event})
    whole = _ENCODER.encode(made)
    for most in _HEADS if len(whole) > LONGEST else ():
        told = {name: _cut(value, most) for name, value in detail.items()} if most else {}
        made = Line(when, actor, what, subject, {**told, WHOLE: sha256(whole).hexdigest(), EVENT: event})
        if len(_ENCODER.encode(made)) <= LONGEST:
            break
    return made


def used(incident: Incident, signal: Signal, when: float) -> Line:
    """A signal that a plan rests on, with the events that it was seen in."""
    detail = {
        "incident": incident.id,
        "signal": signal.name,
        "title": signal.title[:_TEXT],
        "why": signal.why[:_TEXT],
        "seen": signal.time / 1e6,
        "confidence": signal.confidence,
        "severity": signal.severity,
        "sources": list(signal.sources),
        "holds": list(signal.holds),
        "entities": list(signal.entities),
        "evidence": [list(one) for one in signal.evidence],
    }
    subject = signal.entities[0] if signal.entities else incident.id
    return line(SIGNAL, subject, when, (incident.id, signal.name, signal.key, str(signal.time)), detail)


def planned(plan: Plan, when: float, body: bytes = b"") -> Line:
    """A plan. `body`: the incident's JSON as it was planned on, told by its digest."""
    whole = sha256(msgspec.json.encode(plan, order="sorted")).hexdigest()
    detail = {
        "incident": plan.incident,
        "version": plan.version,
        "grade": plan.grade.name.lower(),
        "cuts": [[one.cut.verb, one.cut.place, one.cut.subject, one.needed] for one in plan.cuts],
        "jobs": list(plan.jobs),
        "held": list(plan.held),
        "left": list(plan.left),
        "lost": list(plan.lost),
        "minutes": list(plan.minutes),
        "exact": plan.exact,
        "unknown": list(plan.unknown),
        "estate": plan.estate,
        "age": plan.age,
        "plan": whole,
        "body": sha256(body).hexdigest() if body else "",
    }
    return line(PLAN, plan.incident, when, (str(plan.version), whole), detail)


def decided(plan: Plan, decision: Decision, when: float) -> Line:
    """What the guard said of one cut of a plan."""
    detail = {"verdict": decision.verdict, "rule": decision.rule, "why": decision.why[:_TEXT], "version": plan.version}
    key = (decision.verdict, decision.rule, str(plan.version))
    return _about(DECISION, plan.incident, decision.cut, when, key, detail)


def commanded(target: str, place: str, document: str, when: float, incidents: Iterable[str], number: int) -> Line:
    """An order: that this document be so, at this place. `number`: of the order, which only grows."""
    found = sorted(incidents)
    detail = {"target": target, "document": digest(document), "bytes": len(document), "incidents": found}
    return line(COMMAND, place, when, (target, digest(document), str(number)), {**detail, "number": number})


def read_back(
    target: str, place: str, wanted: str, found: str, when: float, incidents: Iterable[str], number: int
) -> Line:
    """What stood at a place after an order: the document read, and whether it is the one that was ordered."""
    detail = {
        "target": target, "document": digest(wanted), "found": digest(found), "holds": wanted == found,
        "incidents": sorted(incidents), "number": number,
    }  # fmt: skip
    return line(READ_BACK, place, when, (target, digest(wanted), digest(found), str(number)), detail)


def verified(incident: str, cut: Cut, holds: bool, when: float, why: str = "", attempt: int = 0) -> Line:
    """Whether one cut was found to stand. `attempt` only grows over the life of an action: a number that comes again is
    the same event told again.
    """
    detail = {"holds": holds, "why": why[:_TEXT]}
    return _about(VERIFY, incident, cut, when, (str(holds), str(attempt)), detail)


def undone(incident: str, cut: Cut, when: float, who: str = GUARD, why: str = "", attempt: int = 0) -> Line:
    """One cut, taken back; what of it stays stands in `stays`. `attempt` as in `verified`."""
    detail = {"why": why[:_TEXT], "stays": cut.about.undo}
    return _about(UNDO, incident, cut, when, (str(attempt),), detail, who)


def lapsed(incident: str, cut: Cut, until: int, when: float, why: str = "") -> Line:
    """One cut that ended by itself at `until` (seconds since the epoch): it was not renewed."""
    return _about(LAPSED, incident, cut, when, (str(until),), {"until": until, "why": why[:_TEXT]})


def stopped(who: str, when: float, why: str = "") -> Line:
    """The global switch, thrown: nothing more is cut."""
    return line(STOP, GUARD, when, (who, repr(when)), {"why": why[:_TEXT]}, who)


def resumed(who: str, when: float, why: str = "") -> Line:
    """The global switch, taken back."""
    return line(RESUME, GUARD, when, (who, repr(when)), {"why": why[:_TEXT]}, who)


def approved(incident: str, cut: Cut, who: str, when: float, why: str = "") -> Line:
    """A person said that a held cut may be done. Two people are two lines."""
    return _about(APPROVAL, incident, cut, when, (who,), {"why": why[:_TEXT]}, who)


def released(host: str, who: str, when: float, how: str, key: str = "") -> Line:
    """A host let go on the host itself. `how`: by a token or the server; `key`: tells one release from another."""
    return line(RELEASE, host, when, (how, key or repr(when)), {"how": how}, who)


def paged(incident: str, page: str, to: str, level: int, when: float, answer: str) -> Line:
    """A page that was sent to `to` (a host's name, never the whole address: it may hold a secret)."""
    detail = {"incident": incident, "page": page, "to": to, "level": level, "answer": answer[:_TEXT]}
    return line(PAGE, incident, when, (page, str(level), answer[:_TEXT], repr(when)), detail)


def acknowledged(incident: str, page: str, who: str, when: float) -> Line:
    """Somebody took a page."""
    return line(PAGE, incident, when, (page, "taken", who), {"incident": incident, "page": page, "taken": True}, who)


def witness_said(name: str, said: str, size: int, when: float) -> Line:
    """A witness refused the log, or answers again. `said` is one of `Said` of the witness, or what was wrong."""
    return line(WITNESS, f"service:{name}", when, (said[:_TEXT], str(size), repr(when)), {"said": said, "size": size})


def lost(count: int, since: float, when: float) -> Line:
    """How many lines had no room, neither on disk nor in memory."""
    return line(LOST, GUARD, when, (repr(since), str(count)), {"lines": count, "since": since})


def incident_of(one: Line) -> tuple[str, ...]:
    """The incidents that a line is about."""
    several = one.detail.get("incidents", ())
    alone = one.detail.get("incident", "")
    return ((alone,) if isinstance(alone, str) and alone else ()) + tuple(
        each for each in (several if isinstance(several, list | tuple) else ()) if isinstance(each, str)
    )


def cut_of(one: Line) -> Cut | None:
    """The cut that a line is about."""
    found = one.detail.get("cut")
    return Cut(*map(str, found)) if isinstance(found, list | tuple) and len(found) == 3 else None


def _about(
    what: str, incident: str, cut: Cut, when: float, key: Iterable[str], detail: dict[str, Any], actor: str = GUARD
) -> Line:
    """A line about one action: its id begins the key."""
    action = action_id(incident, cut)
    said = {"incident": incident, "action": action, "cut": [cut.verb, cut.place, cut.subject], **detail}
    return line(what, cut.place, when, (action, *key), said, actor)


def _cut(value: Any, most: int) -> Any:
    """The head of a value."""
    if isinstance(value, str):
        return value[:_TEXT]
    if isinstance(value, list | tuple):
        kept = [_cut(one, most) for one in value[:most]]
        return [*kept, f"and {len(value) - most} more"] if len(value) > most else kept
    return value
