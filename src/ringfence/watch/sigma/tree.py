"""A Sigma rule in plain values: what is left of it when parsing is done, and what the cache keeps.

        Or ─┬─ And ─┬─ Atom  Image        like   * "/sh"
            │       └─ Not ── Atom ParentImage like * "/slurmstepd"
            └─ Atom  (keyword)  like   "segfault"

An atom asks one question of one field; a field that an event lacks answers no to every question but `null`.
"""

from collections.abc import Iterator

import msgspec

from ringfence.errors import Problem

ANY, ONE = 0, 1
"""Wildcards within the parts of a pattern: any run of characters, and exactly one."""

LIKE, REGEX, CIDR, NUMBER, COMPARE = "like", "re", "cidr", "number", "compare"
NULL, EXISTS, FIELD, CALENDAR = "null", "exists", "field", "calendar"


class Atom(msgspec.Struct, frozen=True, tag="?", array_like=True):
    """One question. `field` is "" for a keyword, which is asked of the whole event.

    What the rest means goes by `op`:

    - `like`: `parts` are texts, `ANY` and `ONE`; letter case counts only where `cased`
    - `re`: `text` is found somewhere in the value; flags stand in it as `(?i)`
    - `cidr`: the value is an address of the network `text`
    - `number`: the value is `number`;  `compare`: it is `text` (`lt lte gt gte neq`) than `number`
    - `null`: the event lacks the field;  `exists`: it has it
    - `field`: the value equals that of the field `text`; `ANY` in `parts` where it may end or begin beyond
    - `calendar`: the `text` (minute, hour, day, week, month, year; UTC) of the time is `number`
    """

    field: str
    op: str
    text: str = ""
    parts: tuple[str | int, ...] = ()
    number: int | float = 0
    cased: bool = False


class And(msgspec.Struct, frozen=True, tag="&", array_like=True):
    """All of them."""

    of: tuple["Node", ...]


class Or(msgspec.Struct, frozen=True, tag="|", array_like=True):
    """At least one of them."""

    of: tuple["Node", ...]


class Not(msgspec.Struct, frozen=True, tag="!", array_like=True):
    """Not this."""

    of: "Node"


Node = Atom | And | Or | Not


class Rule(msgspec.Struct, frozen=True):
    """One rule. `id` is its own, else derived from its file; `columns` are those of a batch that it reads.

    `file` names the text that it stands in. `product`, `category` and `service` are "" where any will do.
    """

    id: str
    title: str
    level: str
    tags: tuple[str, ...]
    product: str
    category: str
    service: str
    file: str
    when: Node
    name: str = ""
    status: str = ""
    description: str = ""
    false: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


class Correlation(msgspec.Struct, frozen=True):
    """One correlation rule, as it is written.

    `type` is `event_count`, `value_count`, `temporal`, `temporal_ordered`, `value_sum`, `value_avg`,
    `value_percentile` or `value_median`. `rules` are ids or names of rules, or of other correlations. `op` is `lt`,
    `lte`, `gt`, `gte`, `eq` or `neq`, and `value` what the count or figure is held against; `expression` stands
    instead of them where a temporal rule says which rules must have been seen (`a and not b`). `aliases` maps an
    alias to pairs of rule reference and field. `generate` says that the rules' own hits count beside it.
    """

    id: str
    title: str
    level: str
    tags: tuple[str, ...]
    file: str
    type: str
    rules: tuple[str, ...]
    seconds: int
    group_by: tuple[str, ...] = ()
    op: str = "gte"
    value: float = 1
    fields: tuple[str, ...] = ()
    percentile: int = 50
    expression: str = ""
    aliases: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    generate: bool = False
    name: str = ""
    status: str = ""
    description: str = ""


class Filter(msgspec.Struct, frozen=True):
    """One filter document: what has to hold beside the conditions of the rules that it names ("any" names all)."""

    rules: tuple[str, ...]
    product: str
    category: str
    service: str
    when: Node

    def over(self, rule: Rule) -> bool:
        """Whether it is meant for this rule."""
        named = "any" in self.rules or rule.id in self.rules or rule.name in self.rules
        pairs = (self.product, rule.product), (self.category, rule.category), (self.service, rule.service)
        return named and all(not own or own == other for own, other in pairs)


class Parsed(msgspec.Struct, frozen=True):
    """What one file held."""

    rules: tuple[Rule, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    filters: tuple[Filter, ...] = ()
    problems: tuple[Problem, ...] = ()


def atoms(node: Node) -> Iterator[Atom]:
    """All questions of a condition, in its order."""
    pending: list[Node] = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, Atom):
            yield one
        elif isinstance(one, Not):
            pending.append(one.of)
        else:
            pending.extend(reversed(one.of))
