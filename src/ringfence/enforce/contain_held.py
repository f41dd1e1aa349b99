"""Which lines of a containment are really in force: what was put there, looked for in what the kernel lists."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, summarize_address_range

import msgspec

from ringfence.enforce import contain_parts, contain_table
from ringfence.enforce.contain_parts import FOREVER, Entry, Key, Part, end
from ringfence.enforce.contain_table import Element

Lying = Mapping[str, Mapping[Key, Element]]
"""What the kernel lists: set → key → element."""


def held(wanted: Sequence[Entry], lying: Lying) -> tuple[Entry, ...]:
    """The entries of which every element is there, each with its real end; then what nobody of ours put there."""
    spans = {
        name: [(*key, end(one.until)) for key, one in inside.items() if isinstance(key, tuple)]
        for name, inside in lying.items()
    }

    def ends(part: Part) -> int | None:
        if isinstance(part.key, tuple):
            return contain_parts.covered(part.key, spans.get(part.set, []))
        found = lying.get(part.set, {}).get(part.key)
        return end(found.until) if found else None

    there = []
    for one in wanted:
        found = [ends(part) for part in one.parts]
        known = [last for last in found if last is not None]
        if known and len(known) == len(found):
            there.append(msgspec.structs.replace(one, until=min(end(one.until), *known) % FOREVER))
    ours = contain_parts.placed(part for one in wanted for part in one.parts)
    return (*there, *_strange(lying, ours))


def _strange(elements: Lying, wanted: Mapping[str, Mapping[Key, tuple[int, str]]]) -> Iterator[Entry]:
    """Each element that is not ours, or outlasts what was said; a control group that is gone matches nothing."""
    for name, lying in elements.items():
        ours = wanted.get(name, {})
        for key, one in lying.items():
            if isinstance(key, str) and key.isdigit():
                continue
            if key not in ours or end(one.until) > end(ours[key][0]) + contain_table.SLACK:
                parts = (Part(name, key, one.until, one.note),)
                yield from (Entry(_FIELD[name.rstrip("46")], what, one.until, parts) for what in _names(name, key, one))


_FIELD = {
    **{name: field for field, name in contain_parts.SINGLE.items()},
    **{f"jobs{level}": "jobs" for level in contain_parts.JOB_LEVELS},
    **{name: name for name in ("users", "isolated", "keep")},
    "wide": "blocked",
}


def _names(name: str, key: Key, one: Element) -> Iterator[str]:
    made = IPv6Address if name.endswith("6") else IPv4Address
    if isinstance(key, tuple) and key[0] == key[1]:
        yield str(made(key[0]))
    elif isinstance(key, tuple):
        yield from map(str, summarize_address_range(made(key[0]), made(key[1])))
    elif isinstance(key, int) and name != "users":
        yield str(made(key))
    else:
        yield one.note or str(key)
