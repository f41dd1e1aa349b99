"""A condition as a row of questions, each saying where to go on yes and on no.

        And(Image like */sh, Not(ParentImage like */slurmstepd))

        0  Image       suffix "/sh"           yes ─▶ 1   no ─▶ NO
        1  ParentImage suffix "/slurmstepd"   yes ─▶ NO  no ─▶ YES

Cheap questions stand before dear ones. What compiled code cannot answer (regular expressions, IPv6, times, numbers
written as text) is asked outside: evaluation stops there and goes on from the answer.
"""

from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import NamedTuple, TypeGuard

import msgspec
import numpy as np

from ringfence.watch.sigma import dfa, regex, tree, walk
from ringfence.watch.sigma.asked import asker
from ringfence.watch.sigma.automaton import BEGIN, END
from ringfence.watch.sigma.fields import columns_of
from ringfence.watch.sigma.glob import CASED, FOLDED, pattern, plain
from ringfence.watch.sigma.tree import And, Atom, Node, Not, Or, Rule

YES, NO = -1, -2
"""Where a condition ends. Every other place is a question's."""

EQUAL, PREFIX, SUFFIX, INSIDE, LIKE, NUMBER, COMPARE, NULL, EXISTS, FIELD, CIDR4, MATCH, ASK = range(13)
OP, FIELD_AT, FROM, LENGTH, CASE, EXTRA, ON_YES, ON_NO, WORDS = range(9)
"""The words of a question. `FROM` and `LENGTH` are a literal's in the pool; `EXTRA` is a constant, a field, or what is
asked outside; `CASE` is a row of `LETTERS`, or the operator of a comparison."""

KEYWORD = -1
"""The field of a question that is asked of the whole event."""

LT, LTE, GT, GTE, NEQ = range(5)
_COMPARISONS = {"lt": LT, "lte": LTE, "gt": GT, "gte": GTE, "neq": NEQ}
_COST = {tree.NULL: 0, tree.EXISTS: 0, tree.NUMBER: 1, tree.COMPARE: 1, tree.CIDR: 2, tree.FIELD: 5}
_COST |= {tree.CALENDAR: 50, tree.REGEX: 30}

MANY = 4
"""So many texts asked of one field are asked in one walk."""

Asker = Callable[[str], bool]


class Program(msgspec.Struct, frozen=True):
    """All rules of a set as questions.

    `questions` has a line of `WORDS` numbers each; `entries` is each rule's first, or `YES` or `NO`. `fields` are the
    columns of each field, in the order in which they are asked. `whole`, `wholes` and `reals` are the constants that
    questions compare with: whether whole, as int64, as float64. `askers` answer for one text what is asked outside.
    """

    questions: np.ndarray
    entries: np.ndarray
    pool: np.ndarray
    fields: tuple[tuple[str, ...], ...]
    whole: np.ndarray
    wholes: np.ndarray
    reals: np.ndarray
    askers: tuple[Asker, ...]
    asked_field: tuple[int, ...]
    texts: frozenset[str]
    tables: walk.Tables
    """Columns of which some question wants the text."""


class Texts(NamedTuple):
    """Many texts, folded and with anchors, of which any will do in one field."""

    field: str
    words: tuple[tuple[bytes, int], ...]


def grouped(nodes: Sequence[Node]) -> Sequence[Node | Texts]:
    """Alternatives, with those that ask one field for a plain text taken together where they are many."""
    flat: list[Node] = []
    pending = list(reversed(nodes))
    while pending:
        one = pending.pop()
        if isinstance(one, Or):
            pending.extend(reversed(one.of))
        else:
            flat.append(one)
    words: dict[str, list[tuple[bytes, int]]] = {}
    for one in flat:
        if plainly(one):
            words.setdefault(one.field, []).append(anchored(one))
    many = {field for field, found in words.items() if len(found) >= MANY}
    rest = _merged([one for one in flat if not (plainly(one) and one.field in many)])
    return [*rest, *(Texts(field, tuple(dict.fromkeys(words[field]))) for field in many)]


def _merged(nodes: Sequence[Node]) -> Sequence[Node]:
    """Alternatives, with the regular expressions that ask one field made one where that has a table."""
    patterns: dict[str, list[str]] = {}
    for one in nodes:
        if isinstance(one, Atom) and one.op == tree.REGEX:
            patterns.setdefault(one.field, []).append(regex.grouped(one.text))
    joined = {field: "|".join(found) for field, found in patterns.items() if len(found) > 1}
    made = {field: text for field, text in joined.items() if not regex.fault(text) and dfa.table(text)}
    rest = [one for one in nodes if not (isinstance(one, Atom) and one.op == tree.REGEX and one.field in made)]
    return [*rest, *(Atom(field, tree.REGEX, text) for field, text in made.items())]


def plainly(node: Node) -> TypeGuard[Atom]:
    """Whether it asks for one text, whatever its case, as a whole or at an end or anywhere."""
    if not isinstance(node, Atom) or node.op != tree.LIKE or node.cased:
        return False
    texts = [part for part in node.parts if isinstance(part, str) and part]
    return len(texts) == 1 and tree.ONE not in node.parts


def anchored(atom: Atom) -> tuple[bytes, int]:
    """The text that an atom asks for plainly, and its anchors."""
    text = next(part for part in atom.parts if isinstance(part, str))
    return plain(text, False), BEGIN * (atom.parts[0] == text) + END * (atom.parts[-1] == text)


class _Writer:
    """Writes one program; everything that repeats is kept once."""

    def __init__(self) -> None:
        self.lines: list[list[int]] = []
        self.pool = bytearray()
        self.literals: dict[bytes, int] = {}
        self.fields: dict[tuple[str, ...], int] = {}
        self.constants: dict[tuple[type, int | float], int] = {}
        self.asked: dict[tuple[int, Atom], int] = {}
        self.texts: set[str] = set()
        self.tables: dict[str | tuple[tuple[bytes, int], ...], int] = {}
        self.made: list[walk.Table] = []
        self.category = ""

    def node(self, node: Node, yes: int, no: int) -> int:
        """Write a condition that goes on at `yes` or `no`; returns where it begins."""
        if isinstance(node, Not):
            return self.node(node.of, no, yes)
        if isinstance(node, Atom):
            return self.atom(node, yes, no)
        every = isinstance(node, And)
        onward = yes if every else no
        parts: Sequence[Node | Texts] = node.of if every else grouped(node.of)
        for one in sorted(parts, key=cost, reverse=True):  # written from the last to the first
            if isinstance(one, Texts):
                onward = self.texts_of(one, yes, onward)
            else:
                onward = self.node(one, onward, no) if every else self.node(one, yes, onward)
        return onward

    def texts_of(self, texts: Texts, yes: int, no: int) -> int:
        """Write the question whether any of some texts stands in a field."""
        line = [0] * WORDS
        line[OP], line[FIELD_AT], line[ON_YES], line[ON_NO] = MATCH, self.field(texts.field), yes, no
        line[CASE], line[EXTRA] = FOLDED, self.table(texts)
        if texts.field:
            self.texts.update(columns_of(texts.field, self.category))
        self.lines.append(line)
        return len(self.lines) - 1

    def atom(self, atom: Atom, yes: int, no: int) -> int:
        """Write one question; returns its place."""
        field = self.field(atom.field)
        line = [0] * WORDS
        line[FIELD_AT], line[ON_YES], line[ON_NO] = field, yes, no
        if atom.op == tree.LIKE:
            self.like(atom, line)
        elif atom.op in (tree.NULL, tree.EXISTS):
            line[OP] = NULL if atom.op == tree.NULL else EXISTS
        elif atom.op == tree.NUMBER:
            line[OP], line[EXTRA] = NUMBER, self.constant(atom.number)
            line[FROM], line[LENGTH] = self.literal(str(atom.number).encode())
        elif atom.op == tree.COMPARE:
            line[OP], line[CASE] = COMPARE, _COMPARISONS[atom.text]
            line[EXTRA], line[FROM] = self.constant(atom.number), self.ask(field, atom)
        elif atom.op == tree.FIELD:
            line[OP], line[EXTRA] = FIELD, self.field(atom.text)
            line[CASE] = (atom.parts[0] == tree.ANY) + 2 * (atom.parts[-1] == tree.ANY)
            self.texts.update(columns_of(atom.text, self.category))
        elif atom.op == tree.CIDR and ":" not in atom.text:
            network = ip_network(atom.text)
            line[OP], line[EXTRA] = CIDR4, self.constant(int(network.network_address) << 6 | network.prefixlen)
        else:
            line[OP], line[FROM] = ASK, self.ask(field, atom)
            if atom.op == tree.REGEX and self.table(atom.text) >= 0:
                line[OP], line[CASE], line[EXTRA] = MATCH, CASED, self.table(atom.text)
        if line[OP] not in (NULL, EXISTS, COMPARE) and atom.field:
            self.texts.update(columns_of(atom.field, self.category))
        self.lines.append(line)
        return len(self.lines) - 1

    def like(self, atom: Atom, line: list[int]) -> None:
        """The plainest question that is the same as the pattern."""
        parts = atom.parts
        inner = tuple(part for part in parts if isinstance(part, str))
        line[CASE] = CASED if atom.cased else FOLDED
        shapes = {
            ("x",): EQUAL,
            ("x", tree.ANY): PREFIX,
            (tree.ANY, "x"): SUFFIX,
            (tree.ANY, "x", tree.ANY): INSIDE,
        }
        line[OP] = shapes.get(tuple("x" if isinstance(part, str) else part for part in parts), LIKE)
        literal = pattern(parts, atom.cased) if line[OP] == LIKE else plain(inner[0], atom.cased)
        if parts == (tree.ANY,):
            line[OP], literal = INSIDE, b""
        line[FROM], line[LENGTH] = self.literal(literal)

    def literal(self, text: bytes) -> tuple[int, int]:
        if text not in self.literals:
            self.literals[text] = len(self.pool)
            self.pool += text
        return self.literals[text], len(text)

    def field(self, name: str) -> int:
        if not name:
            return KEYWORD
        columns = columns_of(name, self.category)
        return self.fields.setdefault(columns, len(self.fields))

    def constant(self, number: float) -> int:
        exact = int(number) if isinstance(number, float) and number.is_integer() else number
        return self.constants.setdefault((type(exact), exact), len(self.constants))

    def table(self, asked: str | Texts) -> int:
        """The number of the table of a regular expression or of some texts; -1 where it has none."""
        key = asked if isinstance(asked, str) else asked.words
        if key not in self.tables:
            made = dfa.table(key) if isinstance(key, str) else walk.literals(key)
            self.tables[key] = -1 if made is None else len(self.made)
            self.made += [] if made is None else [made]
        return self.tables[key]

    def ask(self, field: int, atom: Atom) -> int:
        return self.asked.setdefault((field, atom), len(self.asked))


def cost(node: Node | Texts) -> int:
    """How dear a condition is to evaluate, roughly in comparisons of short texts."""
    if isinstance(node, Atom):
        if node.op != tree.LIKE:
            return _COST[node.op] * (1 if node.field else 4)
        open_ = node.parts[0] == tree.ANY and len(node.parts) > 2
        return (2 + 6 * open_) * (1 if node.field else 4)
    if isinstance(node, Texts):
        return 12 if node.field else 48
    if isinstance(node, Not):
        return cost(node.of)
    return sum(map(cost, node.of))


def write(rules: Sequence[Rule]) -> Program:
    """The program of some rules, in their order."""
    writer = _Writer()
    entries = []
    for rule in rules:
        writer.category = rule.category
        entries.append(writer.node(rule.when, YES, NO))
    lines = np.array(writer.lines or [[0] * WORDS], np.int32)
    numbers = [number for _, number in writer.constants] or [0]
    fits = [isinstance(number, int) and -(2**63) <= number < 2**63 for number in numbers]
    return Program(
        questions=lines,
        entries=np.array(entries, np.int32),
        pool=np.frombuffer(bytes(writer.pool) or b"\0", np.uint8),
        fields=tuple(writer.fields),
        whole=np.array(fits, np.bool_),
        wholes=np.array([number if fit else 0 for number, fit in zip(numbers, fits, strict=True)], np.int64),
        reals=np.array([_real(number) for number in numbers], np.float64),
        askers=tuple(asker(atom) for _, atom in writer.asked),
        asked_field=tuple(field for field, _ in writer.asked),
        texts=frozenset(writer.texts),
        tables=walk.joined(writer.made),
    )


def _real(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
