"""From the text of a rule file to plain rules: pySigma parses, this keeps what the matcher needs.

        YAML ──documents──▶ pySigma's objects ──▶ tree.Rule | tree.Correlation | Filter | Problem

A document that pySigma refuses, or that asks for something unheard of, is a problem; the others of its file go on.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.conditions import ConditionValueExpression as Keyword
from sigma.correlations import SigmaCorrelationRule, SigmaExtendedCorrelationCondition
from sigma.filters import SigmaFilter
from sigma.types import (
    Placeholder,
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

from ringfence.errors import Problem
from ringfence.watch.sigma import regex, tree
from ringfence.watch.sigma.documents import REMEDY, Unsupported, documents, said
from ringfence.watch.sigma.tree import And, Atom, Correlation, Filter, Node, Not, Or, Parsed, Rule

MOST_ATOMS = 20_000
"""Questions of a rule: more is refused."""

Placeholders = Mapping[str, Sequence[str]]


def parse(file: str, text: str, placeholders: Placeholders) -> Parsed:
    """The rules, correlations and filters of one file. Never raises: what is wrong is a problem."""
    problems: list[Problem] = []
    found: dict[type, list[Any]] = {Rule: [], Correlation: [], Filter: []}
    for named, one in documents(file, text, problems):
        try:
            made = _made(file, one, placeholders)
            found[type(made)].append(made)
        except Exception as error:  # pySigma meets odd types with whatever Python raises there
            problems.append(Problem(file, 0, named + said(error), REMEDY))
    return Parsed(tuple(found[Rule]), tuple(found[Correlation]), tuple(found[Filter]), tuple(problems))


def _made(file: str, one: Any, placeholders: Placeholders) -> Rule | Correlation | Filter:
    if isinstance(one, SigmaCorrelationRule):
        return _correlation(file, one)
    source = one.logsource
    where: dict[str, Any] = {
        "product": source.product or "",
        "category": source.category or "",
        "service": source.service or "",
    }
    if isinstance(one, SigmaFilter):
        named = one.filter.rules
        names = (named.lower(),) if isinstance(named, str) else tuple(str(each.reference) for each in named)
        return Filter(rules=names, when=_condition(one.filter.parsed_condition, placeholders), **where)
    when = _condition(one.detection.parsed_condition, placeholders)
    false = tuple(str(each) for each in one.falsepositives or ())
    return Rule(file=file, when=when, false=false, **where, **_head(file, one))


def _head(file: str, one: Any) -> dict[str, Any]:
    return {
        "id": str(one.id) if one.id else one.name or file,
        "title": one.title or "",
        "level": one.level.name.lower() if one.level else "",
        "status": one.status.name.lower() if one.status else "",
        "tags": tuple(str(tag) for tag in one.tags or ()),
        "name": one.name or "",
        "description": one.description or "",
    }


def _correlation(file: str, one: SigmaCorrelationRule) -> Correlation:
    asked: dict[str, Any]
    if isinstance(one.condition, SigmaExtendedCorrelationCondition):
        asked = {"expression": one.condition.expression}
        named = one.condition.get_referenced_rules()
    else:
        fields = one.condition.fieldref or ()
        asked = {
            "op": one.condition.op.name.lower(),
            "value": one.condition.count,
            "fields": (fields,) if isinstance(fields, str) else tuple(fields),
            "percentile": 50 if one.condition.percentile is None else one.condition.percentile,
        }
        named = [each.reference for each in one.rules or ()]
    aliases = tuple(
        (alias.alias, tuple((str(rule.reference), str(field)) for rule, field in alias.mapping.items()))
        for alias in one.aliases
    )
    return Correlation(
        file=file,
        type=one.type.name.lower(),
        rules=tuple(str(each) for each in named),
        seconds=one.timespan.seconds,
        group_by=tuple(one.group_by or ()),
        aliases=aliases,
        generate=one.generate,
        **asked,
        **_head(file, one),
    )


def _condition(conditions: Sequence[Any], placeholders: Placeholders) -> Node:
    parsed = [one.parsed for one in conditions]
    if any(one is None for one in parsed):
        raise Unsupported("a condition that asks nothing")
    when = _or([_node(one, placeholders) for one in parsed])
    if sum(1 for _ in tree.atoms(when)) > MOST_ATOMS:
        raise Unsupported(f"more than {MOST_ATOMS} values")
    return when


def _or(nodes: Sequence[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))


def _node(one: Any, placeholders: Placeholders) -> Node:
    if isinstance(one, ConditionNOT):
        return Not(_node(one.args[0], placeholders))
    if isinstance(one, ConditionAND):
        return And(tuple(_node(each, placeholders) for each in one.args))
    if isinstance(one, ConditionOR):
        return Or(tuple(_node(each, placeholders) for each in one.args))
    if isinstance(one, Keyword):
        return _value("", one.value, placeholders)
    if isinstance(one, ConditionFieldEqualsValueExpression):
        return _value(one.field, one.value, placeholders)
    raise Unsupported(f"a condition of type {type(one).__name__}")


def _value(field: str, value: Any, placeholders: Placeholders) -> Node:
    """The question that one value asks; `field` is "" for a keyword."""
    if isinstance(value, SigmaExpansion):
        return _or([_value(field, each, placeholders) for each in value.values])
    if isinstance(value, SigmaString):
        return _like(field, value, placeholders)
    if isinstance(value, SigmaRegularExpression):
        return _regex(field, value, placeholders)
    if isinstance(value, SigmaBool):
        return _text(field, "true" if value.boolean else "false")
    if isinstance(value, SigmaNumber) and not field:
        return _text(field, str(value.number))
    if not field:
        raise Unsupported(f"a keyword of type {type(value).__name__}")
    return _special(field, value)


def _special(field: str, value: Any) -> Atom:
    if isinstance(value, SigmaTimestampPart):
        return Atom(field, tree.CALENDAR, value.timestamp_part.name.lower(), number=value.number)
    if isinstance(value, SigmaNumber):
        return Atom(field, tree.NUMBER, number=value.number)
    if isinstance(value, SigmaCompareExpression):
        op = value.op.name.lower()
        if isinstance(value.number, SigmaTimestampPart):
            part = value.number.timestamp_part.name.lower()
            return Atom(field, tree.CALENDAR, f"{part} {op}", number=value.number.number)
        return Atom(field, tree.COMPARE, op, number=value.number.number)
    if isinstance(value, SigmaCIDRExpression):
        return Atom(field, tree.CIDR, str(value.network))
    if isinstance(value, SigmaNull):
        return Atom(field, tree.NULL)
    if isinstance(value, SigmaExists):
        return Atom(field, tree.EXISTS) if value.exists else Atom(field, tree.NULL)
    if isinstance(value, SigmaFieldReference):
        # "starts with the other field" leaves the end open, and the reverse
        before = [tree.ANY] if value.ends_with else []
        after = [tree.ANY] if value.starts_with else []
        return Atom(field, tree.FIELD, value.field, (*before, "", *after))
    raise Unsupported(f"a value of type {type(value).__name__}")


def _text(field: str, text: str) -> Atom:
    return Atom(field, tree.LIKE, parts=(text,) if field else (tree.ANY, text, tree.ANY))


def _like(field: str, value: SigmaString, placeholders: Placeholders) -> Node:
    cased = isinstance(value, SigmaCasedString)
    atoms = []
    for parts in _filled(value.s, placeholders):
        # a keyword stands anywhere
        shape = _joined(parts if field else [tree.ANY, *parts, tree.ANY])
        atoms.append(Atom(field, tree.LIKE, parts=shape, cased=cased))
    return _or(atoms)


def _filled(parts: Sequence[Any], placeholders: Placeholders) -> Iterator[list[str | int]]:
    """The pattern with each placeholder's values in its place."""
    choices: list[Sequence[str | int]] = []
    for part in parts:
        if isinstance(part, Placeholder):
            if not placeholders.get(part.name):
                raise Unsupported(f"no value is given for the placeholder %{part.name}%")
            choices.append(placeholders[part.name])
        elif isinstance(part, SpecialChars):
            choices.append((tree.ANY if part is SpecialChars.WILDCARD_MULTI else tree.ONE,))
        else:
            choices.append((part,))
    total = 1
    for each in choices:
        total *= len(each)
    if total > MOST_ATOMS:
        raise Unsupported(f"placeholders with more than {MOST_ATOMS} combinations")
    for chosen in product(*choices):
        yield list(chosen)


def _joined(parts: Sequence[str | int]) -> tuple[str | int, ...]:
    """Neighbouring texts as one, neighbouring `ANY`s as one, empty texts left out where others stand."""
    joined: list[str | int] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(last, str):
            joined[-1] = last + part
        elif part != "" and (part != tree.ANY or last != tree.ANY or isinstance(part, str)):
            joined.append(part)
    return tuple(joined) or ("",)


def _regex(field: str, value: SigmaRegularExpression, placeholders: Placeholders) -> Node:
    letters = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    flags = f"(?{letters})" if letters else ""
    atoms = []
    for parts in _filled(value.regexp.s, placeholders):
        text = flags + "".join(part if isinstance(part, str) else "*?"[part] for part in parts)
        fault = regex.fault(text)
        if fault:
            raise Unsupported(f"the regular expression {text[:100]!r}: {fault}")
        atoms.append(Atom(field, tree.REGEX, text))
    return _or(atoms)
