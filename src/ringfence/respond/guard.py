"""What of a plan is done, listed or held: the user's limits, one rule at a time, the first that speaks decides.

        plan, incident ─▶ closed? undone by a person? stands already? stopped? … ─▶ Decision(cut, verdict, rule, why)
                                                  limits of one minute are given to the most valuable cuts first

Nothing here looks at a clock, a file or a network: the same values give the same decisions, in whatever order the cuts
of the plan come. One enrolled key gets no more than what expires by itself, on its own host or job (`sources`).
"""

from collections.abc import Callable, Sequence

import msgspec

from ringfence.respond import sources as told_by
from ringfence.respond.guard_rates import Rates
from ringfence.respond.hours import within
from ringfence.respond.limits import Limits, matching
from ringfence.respond.sources import Sources
from ringfence.respond.spent import APPROVE, BENIGN, CONFIRMED, RELEASE, UNDO, Spent, Word, felt, size
from ringfence.respond.values import DO, HOLD, SHADOW, Decision, Plan, Planned, action_id
from ringfence.watch.incident import OPEN
from ringfence.watch.values import Incident

RULES: dict[str, str] = {
    "closed": "The incident is over, so nothing more is cut because of it.",
    "undone": "A person took this back, released the host or called the incident benign, and the later word wins.",
    "stands": "The cut stands already because of this incident and is renewed; no limit is used up again.",
    "never": "The user named an entity that is never cut, not even with an approval.",
    "stop": "The global stop is on: no new cut begins, what stands goes on standing, and undo works.",
    "evidence": "The journal cannot be written, and what cannot be recorded is not done.",
    "approved": "As many people as the plan's size asks for have approved this very cut.",
    "second-person": "The plan is felt on more hosts or jobs than one person may decide: two different people approve.",
    "grade": "The cut is harder than the hardest that may be done without a person.",
    "protected": "The user named an entity that is not cut without a person.",
    "floors": "The incident is not grave or not sure enough for automation.",
    "doors": "The same watch hears open ports, where anybody may have primed what an enrolled source then set off.",
    "nobody": "No enrolled source has a grave and sure signal that names what is cut.",
    "one-source": "Those who vouch are one source, and the cut is more than a self-expiring block on their own host.",
    "relayed": "The only source speaks through a relay, whose root could have made it up.",
    "estate": "The estate is out of date, so only the sender's own host or job is cut.",
    "hours": "Nobody is there at this hour, so only what expires by itself is done.",
    "incidents-a-minute": "New cuts for as many incidents as the user allows were begun within this minute.",
    "hosts-a-minute": "New cuts on as many hosts as the user allows were begun within this minute.",
    "jobs-a-minute": "New cuts that disturb as many jobs as the user allows were begun within this minute.",
    "hosts-at-once": "Cuts stand on as many hosts as the user allows at a time.",
    "shadow": "It would be done, but is only listed.",
    "own": "A self-expiring block on the host or job of the one who tells, within all limits.",
    "vouched": "Two independent sources vouch for it, within all limits.",
}
"""Every rule by name, in the order in which they speak. Each has its row in docs/design/respond.md."""

_DONE = ("own", "vouched", "approved")


class _Case(msgspec.Struct, frozen=True):
    """All that the rules look at. `size`: the plan's hosts or jobs, whichever are more; `people`: how many it takes."""

    plan: Plan
    size: int
    people: int
    incident: Incident
    limits: Limits
    spent: Spent
    known: Sources
    now: float
    stopped: str
    recorded: bool
    words: tuple[Word, ...]


class _Asked(msgspec.Struct, frozen=True):
    """One cut, who vouches for it, how many of those are independent, and what people said of it.

    `approved` counts people since anybody last took it back; `own`: no more than a self-expiring block on the own host
    or job of one who vouches.
    """

    one: Planned
    voices: frozenset[str]
    independent: int
    own: bool
    approved: int
    against: str


def decide(
    plan: Plan,
    incident: Incident,
    limits: Limits,
    spent: Spent,
    sources: Sources,
    now: float,
    *,
    apply: bool,
    stopped: str = "",
    words: Sequence[Word] = (),
    recorded: bool = True,
) -> tuple[Decision, ...]:
    """A decision for every cut of a plan, in the plan's order.

    `now` in seconds since the epoch. `apply`: whether the user asked to act (`--apply`); without it `limits.shadow`
    says. `stopped`: why the global stop is on, "" where it is not. `words`: what people said, the latest last.
    `recorded`: whether the journal can be written. `spent` is what was used before this plan.
    """
    large = size(plan.cuts, plan.jobs)
    people = 2 if large > limits.second_person_above else 1
    mine = tuple(one for one in words if one.about == incident.id or one.what == RELEASE)
    case = _Case(plan, large, people, incident, limits, spent, sources, now, stopped, recorded, mine)
    asked = [_asked(case, one) for one in plan.cuts]
    said: dict[int, tuple[str, str]] = {}
    rates = Rates(limits, incident.id, spent)
    for at in sorted(range(len(asked)), key=lambda at: _value(asked[at].one)):
        rule, why = _rule(case, asked[at])
        if rule in ("own", "vouched"):
            rule, why = rates.over(asked[at].one) or (rule, why)
        if rule in _DONE:
            rates.use(asked[at].one)
        said[at] = (rule, why)
    acts = apply or not limits.shadow
    return tuple(_decision(one.one, *said[at], acts) for at, one in enumerate(asked))


def _decision(one: Planned, rule: str, why: str, acts: bool) -> Decision:
    if rule == "stands" or (rule in _DONE and acts):
        return Decision(one.cut, DO, rule, why)
    if rule in _DONE:
        return Decision(one.cut, SHADOW, "shadow", f"would be done ({rule}): {why}")
    return Decision(one.cut, HOLD, rule, why)


def _value(one: Planned) -> tuple[object, ...]:
    """The most valuable first: what the separation rests on, then the quicker, then what disturbs less."""
    return (not one.needed, one.cut.about.rank, one.cut.about.seconds, len(one.jobs), one.cut)


def _asked(case: _Case, one: Planned) -> _Asked:
    approved, against = _said(case, one)
    voices = told_by.vouching(case.incident, one, case.limits, case.known)
    own = told_by.expires(one.cut, case.known) and told_by.own(voices, one.cut, case.known)
    return _Asked(one, voices, told_by.independent(voices, case.known.holders), own, approved, against)


def _said(case: _Case, one: Planned) -> tuple[int, str]:
    """How many people approved a cut since it was last taken back, and who took it back and was not answered."""
    action, where = action_id(case.incident.id, one.cut), felt(one.cut, one.hosts)
    people: set[int] = set()
    of_incident = of_host = ""
    for word in case.words:
        mine, said = word.about == case.incident.id, f"{word.who} said {word.what}: {word.why}".rstrip(": ")
        if mine and word.what in (UNDO, BENIGN) and (not word.cuts or action in word.cuts):
            people, of_incident = set(), said
        elif word.what == RELEASE and word.about in where and _is_free(case, word, action):
            people, of_host = set(), said
        elif mine and word.what == APPROVE and action in word.cuts:
            people.add(word.uid)
        elif mine and word.what == CONFIRMED:
            of_incident = ""
    return len(people), of_incident or of_host


def _is_free(case: _Case, word: Word, action: str) -> bool:
    """Whether a release still keeps automation off: for a while of everything, and for good of what it took away.

    When an incident began is no measure: its times are those of the events, hence of whoever sends them.
    """
    return action in word.cuts or abs(case.now - word.when) < case.limits.grace


def _rule(case: _Case, asked: _Asked) -> tuple[str, str]:
    """The first rule that speaks, with the reason."""
    for rule, speaks in _ORDER:
        why = speaks(case, asked)
        if why:
            return rule, why
    if asked.independent >= 2:
        return "vouched", f"{_few(asked.voices)} vouch for it independently"
    return "own", f"{_few(asked.voices)} tells it of its own host or job, and it expires by itself"


def _closed(case: _Case, asked: _Asked) -> str:
    """What stands because of an incident that a person confirmed goes on standing until it is undone."""
    kept = case.incident.why.get("verdict") == CONFIRMED and (case.incident.id, asked.one.cut) in case.spent.standing
    return "" if case.incident.state == OPEN or kept else f"the incident is {case.incident.state}"


def _undone(case: _Case, asked: _Asked) -> str:
    return "" if asked.approved >= case.people else asked.against


def _stands(case: _Case, asked: _Asked) -> str:
    return "it stands and is renewed" if (case.incident.id, asked.one.cut) in case.spent.standing else ""


def _never(case: _Case, asked: _Asked) -> str:
    glob, entity = matching(case.limits.never, _touched(case, asked.one))
    return f"never = {glob!r} names {entity}" if glob else ""


def _stop(case: _Case, asked: _Asked) -> str:
    return case.stopped


def _evidence(case: _Case, asked: _Asked) -> str:
    if case.recorded or (case.limits.on_full_journal == "act" and asked.own):
        return ""
    return "the journal cannot be written"


def _approved(case: _Case, asked: _Asked) -> str:
    return f"approved by {asked.approved}" if asked.approved >= case.people else ""


def _second_person(case: _Case, asked: _Asked) -> str:
    if case.people == 1:
        return ""
    most = case.limits.second_person_above
    return f"{case.size} hosts or jobs, more than {most}: {asked.approved} of {case.people} people approved"


def _grade(case: _Case, asked: _Asked) -> str:
    wanted = asked.one.cut.about.grade
    return f"{wanted.name.lower()} is above {case.limits.up_to}" if wanted > case.limits.grade else ""


def _protected(case: _Case, asked: _Asked) -> str:
    glob, entity = matching(case.limits.protected, _touched(case, asked.one))
    return f"protected = {glob!r} names {entity}" if glob else ""


def _floors(case: _Case, asked: _Asked) -> str:
    severe, sure, limits = case.incident.severity, case.incident.confidence, case.limits
    low = severe < limits.severity or sure < limits.confidence
    return f"severity {severe} of {limits.severity}, confidence {sure:.2f} of {limits.confidence:.2f}" if low else ""


def _doors(case: _Case, asked: _Asked) -> str:
    held = case.known.open_doors and case.limits.open_doors == "hold"
    return "open ports feed the same watch: close them, or set open_doors" if held else ""


def _nobody(case: _Case, asked: _Asked) -> str:
    return "" if asked.voices else "no enrolled source vouches for it"


def _one_source(case: _Case, asked: _Asked) -> str:
    if asked.independent >= 2 or asked.own:
        return ""
    return f"only {_few(asked.voices)} vouches: one root could have made it up"


def _relayed(case: _Case, asked: _Asked) -> str:
    if case.limits.relayed == "act" or asked.independent >= 2:
        return ""
    return f"{_few(asked.voices)} speaks through a relay" if asked.voices <= case.known.relayed else ""


def _estate(case: _Case, asked: _Asked) -> str:
    if asked.own or (case.plan.estate and 0 <= case.plan.age <= case.limits.estate_older_than):
        return ""
    return f"the estate is {case.plan.age:,.0f} s old" if case.plan.estate else "there is no estate"


def _hours(case: _Case, asked: _Asked) -> str:
    if told_by.expires(asked.one.cut, case.known) or within(case.limits.windows, case.now):
        return ""
    return "outside the hours, and it does not expire by itself"


_ORDER: tuple[tuple[str, Callable[[_Case, _Asked], str]], ...] = (
    ("closed", _closed),
    ("undone", _undone),
    ("stands", _stands),
    ("never", _never),
    ("stop", _stop),
    ("evidence", _evidence),
    ("approved", _approved),
    ("second-person", _second_person),
    ("grade", _grade),
    ("protected", _protected),
    ("floors", _floors),
    ("doors", _doors),
    ("nobody", _nobody),
    ("one-source", _one_source),
    ("relayed", _relayed),
    ("estate", _estate),
    ("hours", _hours),
)


def _touched(case: _Case, one: Planned) -> list[str]:
    """Every entity that a glob may mean by a cut: what it is about, where it is felt, whom it disturbs, whose it is."""
    found = dict.fromkeys((*told_by.entities(one.cut, case.known), *one.hosts, *one.jobs))
    return [*found, *(more for entity in found for more in case.known.belongs.get(entity, ()))]


def _few(hosts: frozenset[str]) -> str:
    shown = sorted(hosts)
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
