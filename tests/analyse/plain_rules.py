"""Rules evaluated by nested loops over facts: slow, and plain enough to be believed."""

import random
from collections.abc import Iterator

from ringfence.analyse.derive import Edges, variants
from ringfence.analyse.positions import text
from ringfence.analyse.rule import At, Atom, Differ, Is, Minutes, Move, Prefix, Rule, Slot
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact

Instance = tuple[int, tuple[str, ...], str, tuple[Fact, ...], bool]
"""(move, starts sorted, to, facts in the order of the rule, unknown)."""


def plain_instances(facts: list[Fact], moves: list[Move]) -> list[Instance]:
    """Every instance of every move, sorted; facts that are said twice count twice."""
    found = []
    for index, move in enumerate(moves):
        for rule in move.rules:
            for variant, unknown in variants(rule):
                for bound, used in _bindings(facts, variant.facts, {}, ()):
                    starts = [_at(at, bound) for at in variant.start]
                    to = _at(variant.to, bound)
                    fits = all(bound[name].partition(":")[0] in kinds for name, kinds in variant.kinds.items())
                    if (
                        fits
                        and to not in starts
                        and all(bound[pair.one] != bound[pair.other] for pair in variant.unless)
                    ):
                        found.append((index, tuple(dict.fromkeys(starts)), to, used, unknown))
    return sorted(found, key=repr)


def instances_of(estate: Estate, edges: Edges) -> list[Instance]:
    """The same shape from derived edges."""
    rows = zip(edges.move, edges.start, edges.to, edges.because, edges.unknown, strict=True)
    found = [
        (
            int(move),
            tuple(text(estate, int(at)) for at in start if at >= 0),
            text(estate, int(to)),
            tuple(estate.fact(int(row)) for row in because if row >= 0),
            bool(unknown),
        )
        for move, start, to, because, unknown in rows
    ]
    return sorted(found, key=repr)


def _bindings(
    facts: list[Fact], atoms: tuple[Atom, ...], bound: dict[str, str], used: tuple[Fact, ...]
) -> Iterator[tuple[dict[str, str], tuple[Fact, ...]]]:
    if not atoms:
        yield bound, used
        return
    for fact in facts:
        more = _match(fact, atoms[0], bound)
        if more is not None:
            yield from _bindings(facts, atoms[1:], more, (*used, fact))


def _match(fact: Fact, atom: Atom, bound: dict[str, str]) -> dict[str, str] | None:
    if fact.predicate != atom.predicate:
        return None
    for name, allowed in (atom.where or {}).items():
        choices = allowed if isinstance(allowed, tuple) else (allowed,)
        if name not in fact.attributes or fact.attributes[name] not in choices:
            return None
    bound = dict(bound)
    for slot, term in ((atom.subject, fact.subject), (atom.object, fact.object)):
        if isinstance(slot, Is):
            fits = slot.term == term
        elif isinstance(slot, Prefix):
            fits = term.startswith(slot.text)
        else:
            fits = bound.setdefault(slot, term) == term
        if not fits:
            return None
    return bound


def _at(at: At, bound: dict[str, str]) -> str:
    entity = at.entity.term if isinstance(at.entity, Is) else bound[str(at.entity)]
    return f"{entity}#{at.capability}"


PREDICATES = ("same_as", "labelled", "depends_on", "asked")
ENTITIES = ("host:a", "host:b", "host:c", "job:d", "pod:e")
VALUES = ("gpu", "gpu-x", "net")
CAPABILITIES = ("root", "user", "code")


def random_fact(rng: random.Random) -> Fact:
    """One of a few hundred facts over five entities and three values."""
    predicate = rng.choice(PREDICATES)
    about = rng.choice(ENTITIES)
    source = rng.choice(("", "s"))
    if predicate == "asked":
        return Fact(about, predicate, rng.choice(VALUES), {"answered": rng.random() < 0.5}, source)
    other = rng.choice(VALUES if predicate == "labelled" else ENTITIES)
    return Fact(about, predicate, other, rng.choice(({}, {}, {"mode": "rw"}, {"mode": "ro", "n": 1})), source)


def random_move(rng: random.Random, number: int) -> Move:
    """A move of one or two rules that any estate of `random_fact`s may meet."""
    rules = tuple(_random_rule(rng) for _ in range(rng.randint(1, 2)))
    return Move(f"RF-M{number}", f"m{number}", "", "", rules, Minutes(1, 1 + number % 3, ""), "", "")


def _random_rule(rng: random.Random) -> Rule:
    while True:
        atoms = tuple(_random_atom(rng) for _ in range(rng.choice((1, 2, 2, 3))))
        names = sorted({slot for atom in atoms for slot in (atom.subject, atom.object) if isinstance(slot, str)})
        if names:
            break
    unless = (Differ(*rng.sample(names, 2)),) if len(names) > 1 and rng.random() < 0.3 else ()
    start = tuple(_random_at(rng, names) for _ in range(rng.choice((1, 1, 1, 2, 3))))
    kinds = {rng.choice(names): rng.choice((("host",), ("job", "pod")))} if rng.random() < 0.2 else {}
    return Rule(start, _random_at(rng, names), atoms, unless, kinds)


def _random_at(rng: random.Random, names: list[str]) -> At:
    entity: Slot = Is(rng.choice(ENTITIES)) if rng.random() < 0.1 else rng.choice(names)
    return At(entity, rng.choice(CAPABILITIES))


def _random_atom(rng: random.Random) -> Atom:
    where = rng.choice((None, None, None, {"mode": "rw"}, {"mode": ("rw", "ro"), "n": 1}))
    if rng.random() < 0.25:
        object_: Slot = rng.choice((Is("gpu"), Is("net"), Prefix("gpu")))
        hole = rng.choice(("gpu", "")) if isinstance(object_, Is) else ""
        return Atom("labelled", rng.choice("xyz"), object_, where, hole)
    one: Slot = Is(rng.choice(ENTITIES)) if rng.random() < 0.1 else rng.choice("xyz")
    return Atom(rng.choice(("same_as", "depends_on")), one, rng.choice("xyz"), where)
