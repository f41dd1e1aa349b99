"""Made-up incidents and plans, tersely: what the tests of the guard and its limits are about.

decided(plan(cut("isolate", "host:gpu03")), incident(signal("host:gpu03")))[0].verdict == DO
"""

from collections.abc import Sequence
from typing import Any

from ringfence.respond.guard import decide
from ringfence.respond.limits import Limits
from ringfence.respond.sources import Sources
from ringfence.respond.spent import Spent, Word
from ringfence.respond.values import Cut, Decision, Plan, Planned, action_id
from ringfence.respond.verbs import Grade
from ringfence.watch.values import Incident, Signal

NOW = 1_800_000_000.0
"""A Friday, 08:00 UTC."""
ID = "RF-0123456789ab"


def signal(
    *sources: str, about: Sequence[str] = (), severity: int = 80, confidence: float = 0.8, **more: Any
) -> Signal:
    """A grave signal; `host:a` stands for its agent. It names the hosts that tell it, or what it is about."""
    told = tuple(one if "/" in one or not one.startswith("host:") else f"{one}/flows" for one in sources)
    fixed = {"name": "RF.D1", "kind": "detector", "title": "t", "why": "w", "time": int(NOW * 1e6)}
    named = tuple(about) or tuple(one.partition("/")[0] for one in sources)
    said = {"key": "|".join(sources), "entities": named, "sources": told, "severity": severity}
    return Signal(**(fixed | said | {"confidence": confidence} | more))


def incident(*signals: Signal, **more: Any) -> Incident:
    """An open incident of some signals."""
    fixed = {"id": ID, "title": "t", "state": "open", "version": 1, "opened": int(NOW * 1e6), "severity": 90}
    seen = {"updated": int(NOW * 1e6), "confidence": 0.9, "signals": signals}
    seen["entities"] = tuple(dict.fromkeys(entity for one in signals for entity in one.entities))
    seen["sources"] = tuple(dict.fromkeys(source.partition("/")[0] for one in signals for source in one.sources))
    return Incident(**(fixed | seen | more))


def cut(verb: str, place: str, subject: str = "x", **more: Any) -> Planned:
    """One cut of a plan, felt at its place."""
    return Planned(Cut(verb, place, subject), "why", **more)


def plan(*cuts: Planned, **more: Any) -> Plan:
    """A plan of some cuts, of an estate that is a minute old."""
    return Plan(
        **({"incident": ID, "version": 1, "grade": Grade.ISOLATE, "cuts": cuts, "estate": "ab", "age": 60.0} | more)
    )


def decided(of: Plan, about: Incident, limits: Limits | None = None, **more: Any) -> tuple[Decision, ...]:
    """What the guard says with `--apply`, limits as usual, nothing spent; `now` in seconds."""
    spent, known = more.pop("spent", Spent()), more.pop("known", Sources())
    return decide(of, about, limits or Limits(), spent, known, more.pop("now", NOW), **({"apply": True} | more))


def said(what: str, about: str = ID, uid: int = 1, when: float = NOW, cuts: Sequence[Planned] = ()) -> Word:
    """A person's word."""
    return Word(what, about, when, uid, f"u{uid}", tuple(action_id(ID, one.cut) for one in cuts))
