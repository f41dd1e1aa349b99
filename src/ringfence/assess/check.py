"""How a check is written down.

A check is data, as a move is. `each` says what is checked; the variable `it` stands for one of them. `fails` are
conjunctions of facts, and any of them is enough. `rests` are conjunctions that a pass needs, all of them: coverage
(`asked_of`) and the facts that show the control. `doubts` are conjunctions that say of a source that it could not
decide. Where nothing fails and something that the pass rests on was not seen, or a doubt is met, the verdict is
unknown. So unknown is never safe, by construction.
"""

from enum import StrEnum

import msgspec

from ringfence.analyse.rule import Atom, Differ, Is, Match
from ringfence.estate.facts import Fact

IT = "it"
"""The variable that stands for what is checked."""


class Verdict(StrEnum):
    """What a check says of one thing."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Layer(StrEnum):
    """Where the control sits. The first three are what a data centre had before it had accelerators."""

    PERIMETER = "perimeter"
    HOST = "host"
    IDENTITY = "identity"
    SCHEDULER = "scheduler"
    STORAGE = "storage"
    FABRIC = "fabric"
    ACCELERATOR = "accelerator"
    FIRMWARE = "firmware"
    WORKFLOW = "workflow"


CLASSIC = (Layer.PERIMETER, Layer.HOST, Layer.IDENTITY)
"""Layers that know nothing of accelerators, fabrics and jobs; all others are *compute-aware*."""


class Mismatch(StrEnum):
    """Which assumption of traditional controls an AI workload breaks here; `NONE` where it breaks none."""

    NONE = ""
    STATE = "stateful processing"
    DATA = "data dependencies"
    ACCELERATOR = "accelerator-specific"


class When(msgspec.Struct, frozen=True):
    """A conjunction of facts; `kinds` limits what a variable may stand for. `says` tells a person what it means.

    `opens`: what this way to fail gives away, where it is not what the check says of all its ways.
    `every`: so many of the facts, the first, lead from `it` to other things, and the rest must hold of every one of
    them; there must be one. 0: one way to meet all facts is enough.
    `some`: of what follows on those, so many facts, the last, need hold in one way only: each port must be in some
    partition of a known tenant, and may be in others.
    `named`: of a condition without facts (`all_of`), a pattern that the whole id matches.
    """

    facts: tuple[Atom, ...]
    says: str = ""
    unless: tuple[Differ, ...] = ()
    kinds: dict[str, tuple[str, ...]] = {}
    opens: tuple[str, ...] | None = None
    every: int = 0
    some: int = 0
    named: str = ""


def all_of(*kinds: str, named: str = "") -> When:
    """Everything of these kinds that any fact mentions, whatever it says: what is there is no matter of who was asked.

    `named`: only what is called so, where an id tells more than a kind (`storage:s3:…` is a bucket).
    """
    return When((), kinds={IT: kinds}, named=named)


def asked_of(
    aspect: str,
    of: str = IT,
    by: tuple[Atom, ...] = (),
    *,
    complete: bool = False,
    kinds: dict[str, tuple[str, ...]] | None = None,
    every: int | None = None,
) -> When:
    """Coverage as a condition: `of` answered for `aspect`; `by` leads from `it` to `of` where that is another thing.

    Where it leads to several, every one of them must have answered. `every`: so many facts of `by` say which things
    these are, and the others must be there for each; all of `by` where it is not given. `kinds` limits what variables
    stand for. `complete` asks for the source's word that its answer holds everything.
    """
    where: dict[str, Match] = {"answered": True, "complete": True} if complete else {"answered": True}
    whose = "it" if of == IT else f"every {of} of it"
    facts = (*by, Atom("asked", of, Is(aspect), where))
    says = f"{whose} answered for {aspect}" + (" in full" if complete else "")
    return When(facts, says, kinds=kinds or {}, every=len(by) if every is None else every)


class Refs(msgspec.Struct, frozen=True):
    """Outside ids, each found in the file and version that `assess/sources.py` names."""

    nist: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    d3fend: tuple[str, ...] = ()
    cis: tuple[str, ...] = ()
    cve: tuple[str, ...] = ()


class Check(msgspec.Struct, frozen=True):
    """One thing that should be so.

    `each` says by kind and role what there is to check, and never by who was asked: where nobody was, it is unknown.
    `opens`: capabilities of `it` that a failure gives away (`estate.kinds.CAPABILITIES`), or of the variable before
    the hash (`host#root`); severity is judged from these positions. `weight` is the severity, 1 to 10, that it has
    where positions say nothing. `window`: of a state that outlives its use, what begins and what ends it. `by_hand`:
    facts that no file or answer tells, as a person who knows states them, with a name for each thing.
    """

    id: str
    name: str
    title: str
    layer: Layer
    each: tuple[When, ...]
    fails: tuple[When, ...]
    rests: tuple[When, ...]
    why: str
    remedy: str
    opens: tuple[str, ...] = ()
    weight: int = 5
    mismatch: Mismatch = Mismatch.NONE
    window: tuple[str, str] = ("", "")
    threats: tuple[str, ...] = ()
    refs: Refs = Refs()
    source: str = ""
    doubts: tuple[When, ...] = ()
    by_hand: tuple[Fact, ...] = ()


class Result(msgspec.Struct, frozen=True):
    """What a check says of one thing: the verdict, why, and the facts that it rests on.

    Of a failure the facts are those that fail; of a pass all that it rests on, up to a bound, and `reason` counts the
    others; of an unknown those that were found, and `reason` names what is missing. `opened` are positions that the
    failure gives away.
    """

    check: str
    subject: str
    verdict: Verdict
    reason: str
    facts: tuple[Fact, ...]
    rows: tuple[int, ...] = ()
    opened: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same finding in the next estate."""
        return self.check, self.subject
