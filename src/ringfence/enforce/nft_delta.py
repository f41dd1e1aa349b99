"""The least that turns one table into another, as the commands of one transaction.

Quotas that stay are never deleted, since the kernel's count lives in them; sets of blocks neither, since their
elements are not the policy's. All else may be flushed and written again within the transaction.
"""

import re
from collections.abc import Iterator, Mapping

from ringfence.enforce.budget import Spent
from ringfence.wire.nft.values import Set, Table

KEPT = ("blocked4", "blocked6")
"""Sets of blocks that expire by themselves."""

_OURS = "inet ringfence"
_QUOTA = re.compile(r"^(\t?quota|\tquota) (\S{1,80}) \{\n\s*over [^\n]{1,80}\n", re.MULTILINE)
_DEAD = re.compile(r"^[^\n]*socket cgroupv2 level \d+ \d+ [^\n]*\n", re.MULTILINE)
_ELEMENTS = re.compile(r"\telements = \{[^}]*\}\n")
_A_LINE = 1000


def changes(
    now: Table | None, wanted: Table | None, text: str, spent: Mapping[str, Spent], reset: frozenset[str] = frozenset()
) -> list[str]:
    """Commands from `now` to `wanted`, which `text` is the form of; none where nothing differs.

    `reset`: quotas whose count somebody else has set back; they are made anew with what we know.
    """
    if wanted is None:
        return [f"delete table {_OURS}"] if now else []
    if now is None:
        return [f"table {_OURS}", f"delete table {_OURS}", _body(text, spent, keep=False)]
    same = not reset and _shape(now) == _shape(wanted)
    if now.flags != wanted.flags:
        return _woken(now, wanted, text, spent, same=same)
    if not same:
        return [*_cleared(now, wanted, reset), _body(text, spent, keep=True)]
    return [*_elements(now.sets, wanted.sets), *raised(now, spent)]


def _woken(now: Table, wanted: Table, text: str, spent: Mapping[str, Spent], *, same: bool) -> list[str]:
    """To other flags: a table that was switched off wakes as it is; one that is not as it should be is made anew.

    The kernel takes no new base chain in a transaction that wakes a table, so blocks are lost there with the table.
    """
    if wanted.flags or not same:
        return [f"delete table {_OURS}", _body(text, spent, keep=False)]
    return [f"add table {_OURS}", *_elements(now.sets, wanted.sets), *raised(now, spent)]


def raised(now: Table, spent: Mapping[str, Spent]) -> Iterator[str]:
    """New limits of quotas that are there; the kernel keeps their count."""
    for name, quota in now.quotas.items():
        if name in spent and spent[name].limit != quota.limit:
            yield f"add quota {_OURS} {name} {{ over {spent[name].limit} bytes ; }}"


def _shape(table: Table) -> object:
    """All of a table but elements and counts; a rule that was not understood equals no other."""
    unread = [object() for chain in table.chains.values() for rule in chain.rules if rule.unknown]
    sets = {name: (one.type, one.flags) for name, one in table.sets.items()}
    return table.chains, sets, table.quotas.keys(), table.counters.keys(), {*table.others}, unread


def _cleared(now: Table, wanted: Table, reset: frozenset[str]) -> Iterator[str]:
    """Take out all that is written again, or no longer wanted."""
    yield f"flush table {_OURS}"
    yield from (f"delete chain {_OURS} {name}" for name in now.chains)
    yield from (f"delete set {_OURS} {name}" for name in now.sets if name not in KEPT)
    yield from (f"delete counter {_OURS} {name}" for name in now.counters.keys() - wanted.counters.keys())
    yield from (f"delete quota {_OURS} {name}" for name in now.quotas if name not in wanted.quotas or name in reset)


def _body(text: str, spent: Mapping[str, Spent], *, keep: bool) -> str:
    """The block of the table, with limits as they have to be; rules of control groups that are gone match nothing."""
    lines = _DEAD.sub("", text[text.index(f"table {_OURS} {{") :])
    if keep:
        for name in KEPT:
            head, found, rest = lines.partition(f"\tset {name} {{\n")
            block, end, after = rest.partition("\t}\n")
            lines = head + found + _ELEMENTS.sub("", block) + end + after
    return _QUOTA.sub(lambda found: _limited(found, spent), lines)


def _limited(found: re.Match[str], spent: Mapping[str, Spent]) -> str:
    known = spent[found[2]]
    return f"{found[1]} {found[2]} {{\n\t\tover {known.limit} bytes used {min(known.used, known.limit)} bytes\n"


def _elements(now: Mapping[str, Set], wanted: Mapping[str, Set]) -> Iterator[str]:
    for name, one in wanted.items():
        if name in KEPT or one.elements == now[name].elements:
            continue
        before, after = {*now[name].elements}, {*one.elements}
        for verb, elements in (("delete", before - after), ("add", after - before)):
            ordered = sorted(elements)
            for at in range(0, len(ordered), _A_LINE):
                yield f"{verb} element {_OURS} {name} {{ {', '.join(ordered[at : at + _A_LINE])} }}"
