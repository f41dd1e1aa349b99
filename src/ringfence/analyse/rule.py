"""How a move is written down.

A move is data: which facts must hold (`Atom`s joined by variable names), from which positions an
attacker must start (all of them: AND), and which position they then hold. `derive` finds every
instance of it in an estate. Each file in `moves/` holds one.

>>> Atom("runs_on", "pod", "host")
Atom(predicate='runs_on', subject='pod', object='host', where=None, hole='')
"""

import msgspec


class Is(msgspec.Struct, frozen=True):
    """A constant where a variable could stand: `Atom("runs_with", "pod", Is("privileged"))`."""

    term: str


class Prefix(msgspec.Struct, frozen=True):
    """Any term that begins so: `Atom("vulnerable_to", "host", Prefix("CVE-"))`. Binds no variable."""

    text: str


class Like(msgspec.Struct, frozen=True):
    """Any term (or attribute) that a regular expression matches whole. Binds no variable; for checks, not moves.

    The patterns are ours; they are written without nested repetition, for the terms may be an attacker's.
    """

    pattern: str


Slot = str | Is | Prefix | Like
"""A variable by its name, or a constant."""

Match = bool | str | int | float | Like | tuple[bool | str | int | float, ...]
"""An attribute must equal this value, or one of these, or be like it."""


class Atom(msgspec.Struct, frozen=True):
    """One fact that must hold.

    `where` holds conditions on the fact's attributes, name → value or tuple of allowed values; a
    fact without the attribute does not meet it. `hole` names a coverage aspect: where that aspect
    of the subject was *not* collected, the move still stands but is marked unknown, resting on the
    `asked` fact that says so (only for atoms whose object is constant).
    """

    predicate: str
    subject: Slot
    object: Slot
    where: dict[str, Match] | None = None
    hole: str = ""


class Differ(msgspec.Struct, frozen=True):
    """Two variables must not be the same term."""

    one: str
    other: str


class At(msgspec.Struct, frozen=True):
    """A position: a variable (or a constant entity) and what is held of it."""

    entity: Slot
    capability: str


class Minutes(msgspec.Struct, frozen=True):
    """How long the step takes a practised attacker, [low, high], and where that comes from."""

    low: float
    high: float
    source: str


class Rule(msgspec.Struct, frozen=True):
    """One way to make the move. Up to three start positions, up to eight facts.

    `kinds` limits what a variable may stand for, where its predicates allow more.
    """

    start: tuple[At, ...]
    to: At
    facts: tuple[Atom, ...]
    unless: tuple[Differ, ...] = ()
    kinds: dict[str, tuple[str, ...]] = {}


class Move(msgspec.Struct, frozen=True):
    """One thing an attacker can do.

    `function` is true where the move rests on what work needs (a login, a mount, root's own rights)
    and not on a flaw: ending it everywhere would disturb every job that uses it.
    `gives` says in a few words what the step really yields ("a shell as root", "GPU memory");
    `aka` are names that other tools use; `attack` and `atlas` are technique ids, each found in
    the file and version that `analyse/technique_sources.py` names.
    """

    id: str
    name: str
    title: str
    gives: str
    rules: tuple[Rule, ...]
    minutes: Minutes
    why: str
    end: str
    aka: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
    function: bool = False
