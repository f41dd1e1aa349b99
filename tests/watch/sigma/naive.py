"""The slow way: pySigma's condition tree walked for every event, with Python's own regular expressions.

It shares nothing with the matcher but the table of field names.
"""

import ipaddress
import re
from datetime import UTC, datetime
from typing import Any

from sigma.collection import SigmaCollection
from sigma.conditions import ConditionAND, ConditionNOT, ConditionOR, ConditionValueExpression
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from ringfence.watch.sigma.fields import columns_of
from ringfence.wire.ocsf.columns import HEADER

Row = dict[str, Any]
_SILENT = set(HEADER) - {"device.hostname"}
_WILD = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
_HOLDS = {
    CompareOperators.LT: lambda a, b: a < b,
    CompareOperators.LTE: lambda a, b: a <= b,
    CompareOperators.GT: lambda a, b: a > b,
    CompareOperators.GTE: lambda a, b: a >= b,
    CompareOperators.NEQ: lambda a, b: a != b,
}
_PARTS = {"week": lambda when: when.isocalendar().week}


def rules(text: str) -> list[Any]:
    """pySigma's rules of a YAML text."""
    return list(SigmaCollection.from_yaml(text).rules)


class Naive:
    """One rule, asked of one row at a time."""

    def __init__(self, rule: Any) -> None:
        self.category = rule.logsource.category or ""
        self.trees = [one.parsed for one in rule.detection.parsed_condition]

    def __call__(self, row: Row) -> bool:
        return any(self.holds(tree, row) for tree in self.trees)

    def holds(self, tree: Any, row: Row) -> bool:
        if isinstance(tree, ConditionNOT):
            return not self.holds(tree.args[0], row)
        if isinstance(tree, ConditionAND):
            return all(self.holds(one, row) for one in tree.args)
        if isinstance(tree, ConditionOR):
            return any(self.holds(one, row) for one in tree.args)
        if isinstance(tree, ConditionValueExpression):
            return self.keyword(tree.value, row)
        return self.field(tree.value, self.of(tree.field, row), row)

    def of(self, field: str, row: Row) -> Any:
        values = (row.get(column) for column in columns_of(field, self.category))
        return next((value for value in values if value is not None), None)

    def keyword(self, value: Any, row: Row) -> bool:
        if row.get("message") is not None:
            texts = [row["message"]]
        else:
            texts = [each for name, each in row.items() if isinstance(each, str) and name not in _SILENT]
        return any(self.inside(value, text) for text in texts)

    def inside(self, value: Any, text: str) -> bool:
        if isinstance(value, SigmaExpansion):
            return any(self.inside(one, text) for one in value.values)
        if isinstance(value, SigmaRegularExpression):
            return self.text(value, text)
        if not isinstance(value, SigmaString):
            value = SigmaString(str(value).lower())
        return self.search(value, text, anchored=False)

    def field(self, value: Any, held: Any, row: Row) -> bool:
        if isinstance(value, SigmaExpansion):
            return any(self.field(one, held, row) for one in value.values)
        if isinstance(value, SigmaNull):
            return held is None
        if isinstance(value, SigmaExists):
            return (held is not None) == value.exists
        if held is None:
            return False
        if isinstance(value, SigmaFieldReference):
            return self.reference(value, held, self.of(value.field, row))
        return self.text(value, held)

    def text(self, value: Any, held: Any) -> bool:
        if isinstance(value, SigmaString):
            return self.search(value, shown(held), anchored=True)
        if isinstance(value, SigmaRegularExpression):
            flags = sum(value.sigma_to_python_flags[flag] for flag in value.flags)
            return re.search(str(value.regexp), shown(held), flags) is not None
        if isinstance(value, SigmaBool):
            return shown(held).lower() == str(value.boolean).lower()
        if isinstance(value, SigmaTimestampPart):
            return part(value, held) == value.number
        if isinstance(value, SigmaNumber):
            return held == str(value.number) if isinstance(held, str) else held == value.number
        if isinstance(value, SigmaCompareExpression):
            timed = isinstance(value.number, SigmaTimestampPart)
            number = part(value.number, held) if timed else figure(held)
            return number is not None and _HOLDS[value.op](number, value.number.number)
        assert isinstance(value, SigmaCIDRExpression)
        try:
            return ipaddress.ip_address(shown(held)) in value.network
        except ValueError:
            return False

    def search(self, value: SigmaString, text: str, anchored: bool) -> bool:
        pattern = "".join(re.escape(one) if isinstance(one, str) else _WILD[one] for one in value.s)
        flags = re.DOTALL | (0 if isinstance(value, SigmaCasedString) else re.IGNORECASE)
        look = re.fullmatch if anchored else re.search
        return look(pattern, text, flags) is not None

    def reference(self, value: SigmaFieldReference, held: Any, other: Any) -> bool:
        if other is None:
            return False
        pattern = re.escape(shown(other))
        before, after = (".*" if value.ends_with else ""), (".*" if value.starts_with else "")
        return re.fullmatch(before + pattern + after, shown(held), re.DOTALL | re.IGNORECASE) is not None


def shown(value: Any) -> str:
    """A value as text; whole floating-point numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def figure(held: Any) -> float | None:
    if not isinstance(held, str):
        return held
    for kind in (int, float):
        try:
            return kind(held.strip()) if not held.strip("+-0123456789.eE ") else None
        except ValueError:
            continue
    return None


def part(value: SigmaTimestampPart, held: Any) -> int | None:
    name = value.timestamp_part.name.lower()
    if isinstance(held, str):
        try:
            when = datetime.fromisoformat(held)
        except ValueError:
            return None
        when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    else:
        when = datetime.fromtimestamp(held / 1_000_000, UTC)
    return int(_PARTS.get(name, lambda when: getattr(when, name))(when))
