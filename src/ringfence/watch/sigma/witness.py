"""Which literals guard a rule: if the rule holds of an event, one of them stands in it.

        And(Image like */sh, Or(CommandLine like *curl*, CommandLine like *wget*))

        guard:  Image ends in "/sh"      or      CommandLine has "curl" | CommandLine has "wget"

Any of the choices is sound; the one that ordinary events have least often is taken, by what a sample of them holds. A
rule that holds without any text being there has no guard and is evaluated on every event.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from ringfence.watch.sigma import regex, tree
from ringfence.watch.sigma.automaton import BEGIN, END
from ringfence.watch.sigma.fields import columns_of
from ringfence.watch.sigma.fold import fold
from ringfence.watch.sigma.tree import And, Atom, Node, Not
from ringfence.wire.ocsf.columns import COLUMNS

WINDOW, GRAM = 8, 3
"""Bytes of a literal that are looked for, and of the pieces that are counted in a sample."""

SAMPLE = 2000
"""Rows of a sample."""


class Guard(msgspec.Struct, frozen=True):
    """One thing to look for: a folded literal, anchored or not, in any of some columns.

    Without a literal: that any of them is not null. No columns means the whole event.
    """

    columns: tuple[str, ...]
    literal: bytes = b""
    anchors: int = 0


Guards = frozenset[Guard]


class Habits:
    """How often short pieces of text stand in ordinary events, by column. Empty: nothing is known."""

    def __init__(self) -> None:
        self.rows = 0
        self._pieces: dict[str, Counter[bytes]] = {}
        self._begins: dict[str, Counter[bytes]] = {}
        self._ends: dict[str, Counter[bytes]] = {}
        self._there: Counter[str] = Counter()

    def learn(self, column: str, values: Iterable[bytes]) -> None:
        """Take the folded values of a column in; nulls are left out by the caller."""
        pieces = self._pieces.setdefault(column, Counter())
        begins = self._begins.setdefault(column, Counter())
        ends = self._ends.setdefault(column, Counter())
        for value, count in Counter(values).items():
            self._there[column] += count
            held = {value[at : at + size] for size in range(1, GRAM + 1) for at in range(len(value) - size + 1)}
            for piece in held:
                pieces[piece] += count
            for size in range(1, GRAM + 1):
                begins[value[:size]] += count
                ends[value[-size:]] += count

    def cost(self, guard: Guard) -> float:
        """The share of events in which it is found, estimated from above; more for what is short."""
        literal, anchors = guard.literal, guard.anchors
        prior = 1e-3 * 0.5 ** (len(literal) + 4 * bool(anchors)) if literal else 1e-2
        if not self.rows:
            return prior
        columns = guard.columns or tuple(self._there)
        return prior + sum(self._share(column, literal, anchors) for column in columns)

    def _share(self, column: str, literal: bytes, anchors: int) -> float:
        share = self._there[column] / self.rows
        if not literal or column not in self._pieces:
            return share
        pieces = self._pieces[column]
        last = len(literal) - GRAM
        least = min(pieces[literal[at : at + GRAM]] for at in range(max(0, last) + 1))
        if anchors & BEGIN:
            least = min(least, self._begins[column][literal[:GRAM]])
        if anchors & END:
            least = min(least, self._ends[column][literal[-GRAM:]])
        return min(share, least / self.rows)


def learned(samples: Mapping[str, pa.Array], rows: int) -> Habits:
    """The habits of some rows, from the texts of their columns."""
    habits = Habits()
    habits.rows = rows
    for column, texts in samples.items():
        habits.learn(column, (fold(text[:4096]).encode("utf-8", "replace") for text in _texts(texts)))
    return habits


def _texts(array: pa.Array) -> Iterator[str]:
    for value in array.cast(pa.binary()).to_pylist():
        if value is not None:
            yield value.decode("utf-8", "replace")


def guard(when: Node, category: str, habits: Habits) -> Guards | None:
    """The cheapest guard of a condition; None where it can hold without one."""
    found = _guard(when, category, habits, True)
    return None if found is None else found[1]


_Choice = tuple[float, Guards]


def _guard(node: Node, category: str, habits: Habits, wanted: bool) -> _Choice | None:
    """The cheapest guard of the condition's being true, or with `wanted` false of its being false."""
    if isinstance(node, Not):
        return _guard(node.of, category, habits, not wanted)
    if isinstance(node, Atom):
        choices = [_weighed(one, habits) for one in _of_atom(node, category, habits)] if wanted else []
        if not wanted and node.op == tree.NULL:
            choices = [_weighed(frozenset((_presence(node, category),)), habits)]
        return min(choices, key=_first, default=None)
    found = [_guard(one, category, habits, wanted) for one in node.of]
    if isinstance(node, And) == wanted:  # all must be so: any one's guard will do
        return min((one for one in found if one is not None), key=_first, default=None)
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return None
    return sum(cost for cost, _ in known), frozenset().union(*(guards for _, guards in known))


def _first(choice: _Choice) -> float:
    return choice[0]


def _weighed(guards: Guards, habits: Habits) -> _Choice:
    return sum(habits.cost(one) for one in guards), guards


def _presence(atom: Atom, category: str) -> Guard:
    return Guard(columns_of(atom.field, category))


def _of_atom(atom: Atom, category: str, habits: Habits) -> Iterator[Guards]:
    """The guards that one question allows, each on its own."""
    columns = columns_of(atom.field, category) if atom.field else ()
    if atom.op == tree.NULL:
        return
    if atom.op == tree.LIKE:
        found = [windows for windows in _windows(atom.parts) if windows]
        yield from (
            frozenset((_rarest([Guard(columns, literal, anchors) for literal, anchors in windows], habits),))
            for windows in found
        )
        if found:
            return
    elif atom.op == tree.REGEX:
        texts = regex.literals(atom.text)
        if texts:
            yield frozenset(
                _rarest([Guard(columns, cut, 0) for cut in _cuts(fold(text).encode("utf-8", "replace"))], habits)
                for text in texts
            )
            return
    elif atom.op == tree.NUMBER and _never_real(columns):
        text = str(atom.number).encode()
        if len(text) <= WINDOW:
            yield frozenset((Guard(columns, text, BEGIN | END),))
            return
    if columns:
        yield frozenset((_presence(atom, category),))


def _never_real(columns: Sequence[str]) -> bool:
    return not any(column in COLUMNS and COLUMNS[column].type == "real" for column in columns)


def _rarest(guards: Sequence[Guard], habits: Habits) -> Guard:
    return min(guards, key=habits.cost)


def _windows(parts: Sequence[str | int]) -> Iterator[list[tuple[bytes, int]]]:
    """For each text of a pattern, the pieces of it that may be looked for, with their anchors."""
    for place, part in enumerate(parts):
        if not isinstance(part, str) or not part:
            continue
        literal = fold(part).encode("utf-8", "replace")
        anchors = BEGIN * (place == 0) + END * (place == len(parts) - 1)
        if len(literal) <= WINDOW:
            yield [(literal, anchors)]
            continue
        cuts = [(cut, 0) for cut in _cuts(literal)]
        if anchors & BEGIN:
            cuts.append((literal[:WINDOW], BEGIN))
        if anchors & END:
            cuts.append((literal[-WINDOW:], END))
        yield cuts


def _cuts(literal: bytes) -> list[bytes]:
    """The pieces of a literal that are no longer than the window."""
    return [literal[at : at + WINDOW] for at in range(max(0, len(literal) - WINDOW) + 1)]


def mask(rules: Iterable[int], words: int) -> np.ndarray:
    """Rules as bits, uint64."""
    bits = np.zeros(words, np.uint64)
    for rule in rules:
        bits[rule >> 6] |= np.uint64(1) << np.uint64(rule & 63)
    return bits
