"""How far a model is from each security level of RAND RR-A2849-1, "Securing AI Model Weights" (2024).

        measures that facts decide, level by level ──▶ "n of m"; the first level that lacks one is the ceiling
        measures that facts cannot decide          ──▶ signed attestations of a named role, counted apart

The report names five levels, SL1 to SL5, by the attackers that they are to withstand. Its measures are taken here from
its published summaries, in our own words; which of them belongs to which level is **our reading and not verified**
against the report's text, and they are not all of its measures. So the answer is only ever "not above SLn, because …",
where a fact stands against it, and apart from that "not shown above SLn", where a fact is missing. It is never that a
model meets a level.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from math import inf

import msgspec
import numpy as np

from ringfence.analyse.rule import Atom, Differ, Is, Like, Prefix
from ringfence.assess.check import IT, When, asked_of
from ringfence.assess.conditions import EXPORTS_READ, FOLDERS_READ, OWNER_READS
from ringfence.assess.every import facts_of
from ringfence.assess.exfiltrate import Uplinks, WaysOut
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import EVERYONE

SOURCE = "RAND RR-A2849-1 (2024), by its published summaries; the levels of the measures are not verified"
LOWEST, HIGHEST = 1, 5
_DAY = 24.0
_MOST_FACTS = 8


class Held(StrEnum):
    """How a measure stands for one model."""

    YES = "in place"
    NO = "not in place"
    UNKNOWN = "not known"


class Measure(msgspec.Struct, frozen=True):
    """Something that a level asks for. `fails`: any of these facts rules it out; `rests`: all of these show it.

    `hours`: at least so many hours to carry the weights off over all ways out at once; where it is `inf`, that there
    is no way out at all, of which no size needs to be known. `role`: who may attest it, where facts decide nothing.
    """

    id: str
    level: int
    title: str
    fails: tuple[When, ...] = ()
    rests: tuple[When, ...] = ()
    hours: float = 0.0
    role: str = ""


class Stood(msgspec.Struct, frozen=True):
    """A measure for one model. `by`: who attested it and until when (text), "" where facts decide."""

    measure: str
    level: int
    title: str
    held: Held
    why: str
    facts: tuple[Fact, ...] = ()
    by: str = ""


class Ceiling(msgspec.Struct, frozen=True):
    """The answer for one model; `shown` of `of` decidable measures hold.

    `level`: not above this one, because of a fact that `because` tells; None where no fact stands against any level.
    `shown_level`: not shown above this one, as `missing` tells; None where nothing is missing below `level`. Neither
    says anything about what facts cannot decide: `attested` of those `to_attest` were attested.
    """

    model: str
    level: int | None
    because: str
    shown_level: int | None
    missing: str
    shown: int
    of: int
    attested: int
    to_attest: int
    measures: tuple[Stood, ...]


_SERVED = (Atom("stored_on", IT, "storage"),)
_LOADS = (Atom("reads", "work", IT), Atom("runs_on", "work", "host"), Atom("has_gpu", "host", "gpu"))

MEASURES: tuple[Measure, ...] = (
    Measure(
        "RF.W01",
        2,
        "no account that does not need them may read the weights",
        fails=(
            When((Atom("readable_by", IT, Is(EVERYONE)),), "every account may read them"),
            When((Atom("readable_by", IT, Prefix("identity:group/")),), "a whole group may read them"),
        ),
        rests=(FOLDERS_READ, OWNER_READS),
    ),
    Measure(
        "RF.W02",
        2,
        "the storage that holds them trusts no client's superuser",
        fails=(
            When((*_SERVED, Atom("setting", "storage", Is("no_root_squash"))), "it is exported without root_squash"),
            When(
                (*_SERVED, Atom("exported_to", "storage", "client", {"no_root_squash": True})),
                "it is exported without root_squash",
            ),
        ),
        rests=(
            EXPORTS_READ,
            When((*_SERVED, Atom("exported_to", "storage", "client")), "its clients are named", every=1),
        ),
    ),
    Measure("RF.W03", 2, "logins to what holds weights need a second factor", role="security"),
    Measure("RF.W04", 2, "somebody is told off to answer incidents, and it was rehearsed", role="security"),
    Measure(
        "RF.W05",
        3,
        "copies of the weights lie in one place",
        fails=(
            When(
                (Atom("stored_on", IT, "storage"), Atom("stored_on", IT, "other")),
                "copies lie in several places",
                (Differ("storage", "other"),),
            ),
        ),
        rests=(FOLDERS_READ,),
    ),
    Measure(
        "RF.W06",
        3,
        "weights come and go in a format that runs no code",
        fails=(When((Atom("has_format", IT, Is("pickle")),), "they are a pickle"),),
        rests=(When((Atom("has_format", IT, Like("safetensors|gguf|npy|npz")),), "their format holds no code"),),
    ),
    Measure(
        "RF.W07",
        3,
        "clients of the storage prove who they are",
        fails=(
            When((*_SERVED, Atom("setting", "storage", Like("sec=(sys|none)"))), "it believes what its clients say"),
        ),
        rests=(When((*_SERVED, Atom("setting", "storage", Like("sec=krb5[ip]?"))), "it asks for Kerberos", every=1),),
    ),
    Measure("RF.W08", 3, "an outside team attacked the system, and what it found was repaired", role="security"),
    Measure("RF.W09", 3, "people with access to weights were vetted, and there is an insider programme", role="people"),
    Measure(
        "RF.W10",
        4,
        "weights are encrypted while they are used: confidential computing",
        fails=(
            When((*_LOADS, Atom("setting", "gpu", Is("cc_mode=off"))), "accelerators that load them do not"),
            When((*_LOADS[:2], Atom("setting", "host", Is("gpu_cc_mode=off"))), "accelerators that load them do not"),
        ),
        rests=(
            asked_of("gpu", "host", _LOADS),
            When((*_LOADS, Atom("setting", "gpu", Is("cc_mode=on"))), "accelerators that load them do", every=3),
        ),
    ),
    Measure("RF.W11", 4, "carrying the weights off takes a week at least, over all ways out at once", hours=7 * _DAY),
    Measure("RF.W12", 4, "weights are used through a hardened interface only", role="engineering"),
    Measure("RF.W13", 4, "hardware and its makers are vetted before they are put in", role="purchasing"),
    Measure(
        "RF.W14",
        5,
        "nothing that holds weights has a way outside, of its own or of its networks",
        hours=inf,
    ),
    Measure("RF.W15", 5, "training runs on a network that is cut off from all others", role="engineering"),
    Measure("RF.W16", 5, "hardware holds the weights and hands out answers only", role="engineering"),
)
MEASURE = {one.id: one for one in MEASURES}
"""By id."""


class Attested(msgspec.Struct, frozen=True):
    """A measure that somebody vouched for: `model` "*" is for all; `role`, `until` (text) as they stood in the file."""

    measure: str
    model: str
    role: str
    until: str


class Stolen(msgspec.Struct, frozen=True):
    """Attackers come to carry a model off: `surely`, or only if what is unknown holds; the facts of their way."""

    surely: bool
    facts: tuple[Fact, ...] = ()


class Leaving(msgspec.Struct, frozen=True):
    """How weights leave: the holders' own uplinks, and the models that attackers carry off by the moves (`#stolen`)."""

    uplinks: Uplinks
    stolen: Mapping[str, Stolen]


def ceilings(
    estate: Estate, attested: Collection[Attested] = (), stolen: Mapping[str, Stolen] | None = None
) -> list[Ceiling]:
    """Every model of the estate, by name. `stolen`: as in `Leaving`."""
    leaving = Leaving(Uplinks(estate), stolen or {})
    names = [estate.terms.values[at] for at in estate.entities]
    return [ceiling(estate, name, attested, leaving) for name in sorted(names) if name.startswith("model:")]


def ceiling(estate: Estate, model: str, attested: Collection[Attested], leaving: Leaving) -> Ceiling:
    """One model."""
    stood = tuple(_stood(estate, one, model, attested, leaving) for one in MEASURES)
    decided = [one for one, measure in zip(stood, MEASURES, strict=True) if not measure.role]
    failed = min((one for one in decided if one.held is Held.NO), key=_level, default=None)
    unknown = min((one for one in decided if one.held is Held.UNKNOWN), key=_level, default=None)
    if failed and unknown and unknown.level >= failed.level:
        unknown = None
    vouched = [one for one, measure in zip(stood, MEASURES, strict=True) if measure.role]
    return Ceiling(
        model,
        failed.level - 1 if failed else None,
        f"{failed.title}: not in place, {failed.why}" if failed else "",
        unknown.level - 1 if unknown else None,
        f"{unknown.title}: {unknown.why}" if unknown else "",
        sum(one.held is Held.YES for one in decided),
        len(decided),
        sum(one.held is Held.YES for one in vouched),
        len(vouched),
        stood,
    )


def _level(one: Stood) -> int:
    return one.level


def _stood(estate: Estate, measure: Measure, model: str, attested: Collection[Attested], leaving: Leaving) -> Stood:
    def told(held: Held, why: str, facts: Sequence[Fact] = (), by: str = "") -> Stood:
        return Stood(measure.id, measure.level, measure.title, held, why, tuple(facts), by)

    if measure.role:
        for one in attested:
            if one.measure == measure.id and one.role == measure.role and one.model in (model, "*"):
                return told(Held.YES, f"attested by {one.role} until {one.until}", (), one.role)
        return told(Held.UNKNOWN, f"no signed word of {measure.role}")
    if measure.hours == inf:
        return _no_way(estate, model, leaving, told)
    if measure.hours:
        return _slow(estate, measure, model, leaving, told)
    term = np.array([estate.terms.find(model)], np.int32)
    for when in measure.fails:
        if facts := list(facts_of(estate, when, term) or ()):
            return told(Held.NO, when.says, facts)
    found: list[Fact] = []
    for when in measure.rests:
        facts = list(facts_of(estate, when, term) or ())
        if not facts:
            return told(Held.UNKNOWN, f"not known: whether {when.says}", found)
        found += [fact for fact in facts if fact not in found]
    return told(Held.YES, "; ".join(when.says for when in measure.rests), found[:_MOST_FACTS])


def _no_way(estate: Estate, model: str, leaving: Leaving, told: Callable[..., Stood]) -> Stood:
    """What refutes it comes first: a way that is known needs neither a size, nor that every other place is known."""
    out, stolen = leaving.uplinks.ways(model), leaving.stolen.get(model)
    facts = _facts(estate, out) if out else []
    if out and out.links:
        also = f", and attackers come to {model}#stolen" if stolen and stolen.surely else ""
        return told(Held.NO, f"{', '.join(sorted(out.links)[:3])} can send outside{also}", facts)
    if stolen and stolen.surely:
        return told(Held.NO, f"attackers come to {model}#stolen", [*stolen.facts, *facts][: 2 * _MOST_FACTS])
    if out is None:
        return told(Held.UNKNOWN, "not known: their place")
    if not out.holders:
        return told(Held.UNKNOWN, "not known: which hosts hold them")
    if stolen:
        return told(Held.UNKNOWN, f"attackers come to {model}#stolen, if what is unknown holds", facts)
    if out.silent:
        return told(Held.UNKNOWN, f"not known: whether {', '.join(out.silent[:3])} sends outside", facts)
    return told(Held.YES, "no holder has a way out", facts)


def _slow(estate: Estate, measure: Measure, model: str, leaving: Leaving, told: Callable[..., Stood]) -> Stood:
    found, out = leaving.uplinks.of(model), leaving.uplinks.ways(model)
    if out is None:
        return told(Held.UNKNOWN, "not known: their place")
    if not out.holders:
        return told(Held.UNKNOWN, "not known: which hosts hold them")
    sized = [estate.fact(row) for row, _ in leaving.uplinks.sizes(model)]
    facts = [*_facts(estate, out), *sized][: 2 * _MOST_FACTS]
    if found and found.together is not None and found.together < measure.hours:
        return told(Held.NO, f"{found.together:.3g} hours over all ways out at once", facts)
    if stolen := leaving.stolen.get(model):
        doubt = "" if stolen.surely else ", if what is unknown holds"
        return told(
            Held.UNKNOWN, f"attackers come to {model}#stolen, by a way whose speed is not known{doubt}", stolen.facts
        )
    if found is None:
        return told(Held.UNKNOWN, "not known: their size", facts)
    if not found.certain:
        return told(Held.UNKNOWN, f"not known: how fast {', '.join((*found.unrated, *found.silent)[:3])} sends outside")
    if found.together is None:
        return told(Held.YES, "no holder has a way out", facts)
    return told(Held.YES, f"{found.together:.3g} hours over all ways out at once", facts)


def _facts(estate: Estate, out: WaysOut) -> list[Fact]:
    """How the first of those that can send outside do so, and where the weights lie."""
    first = sorted(out.holders, key=lambda one: one not in out.links)
    return [*_ways_out(estate, first), *(estate.fact(row) for row in out.rows[:_MOST_FACTS])]


def _ways_out(estate: Estate, holders: Sequence[str]) -> list[Fact]:
    """What says how the first holders send outside, or that they were asked how they are attached."""
    found: list[Fact] = []
    for holder in holders:
        found += [*estate.about(holder, "reaches_outside")]
        found += [one for one in estate.about(holder, "asked") if one.object == "addresses"]
        for fact in estate.about(holder, "attached_to"):
            found += [*estate.about(fact.object, "reaches_outside")]
        if len(found) >= _MOST_FACTS:
            break
    return found[:_MOST_FACTS]
