"""What others have on a fabric beside us: left alone, told as open, remembered: what is added later is seen.

A partition of the site's own in partitions.conf, or of UFM's own, joins its members whatever the policy says.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ringfence.segment.compile import ufm as bodies
from ringfence.segment.compile.partitions import FIRST, LAST, Before, site_of
from ringfence.segment.model import BETWEEN, Residual
from ringfence.wire.ibnet.partitions import Stanza
from ringfence.wire.ibnet.values import DEFAULT_PKEY


class Theirs(msgspec.Struct, frozen=True):
    """`open`: pairs that others' partitions leave open; `sites`: fabric → the site's own part of partitions.conf."""

    open: tuple[Residual, ...] = ()
    sites: Mapping[str, str] = {}

    def of(self, target: str) -> tuple[Residual, ...]:
        """Those of one target."""
        return tuple(one for one in self.open if one.target_name == target)

    def only(self, name: str, before: Any) -> Any:
        """What is in force, without what others have added to the file since."""
        if not isinstance(before, Before) or name not in self.sites:
            return before
        lines, ours = before.text.split("\n"), []
        if FIRST in lines and LAST in lines:
            ours = lines[lines.index(FIRST) : lines.index(LAST) + 1]
        return msgspec.structs.replace(before, text="\n".join((*ours, self.sites[name])))


def theirs_of(before: Mapping[str, Mapping[str, Any]]) -> Theirs:
    """What others have now, by target and fabric."""
    found: list[Residual] = []
    sites: dict[str, str] = {}
    for target, fabrics in before.items():
        for name, one in fabrics.items():
            held = one.held()[0] if isinstance(one, bodies.Before) else one.held()
            found += [_told(target, stanza) for stanza in site_of(held.site).stanzas if stanza.key != DEFAULT_PKEY]
            sites |= {name: held.site} if target == "opensm" else {}
    return Theirs(tuple(sorted(found)), sites)


def _told(target: str, stanza: Stanza) -> Residual:
    full = sorted(_ends(stanza, full=True))
    all_ = sorted({*full, *_ends(stanza, full=False)})
    pairs = -1 if "*" in all_ else len(full) * (len(all_) - 1)
    why = f"the partition {stanza.name} (0x{stanza.key:04x}) is not ours, and joins its members"
    return Residual("ib", target, _name(full), _name(all_), pairs, why, "take it out of partitions.conf, or leave it")


def _ends(stanza: Stanza, *, full: bool) -> Iterator[str]:
    """Ports, and `*` for a group of them such as ALL."""
    for one in stanza.members:
        if (one.membership == "full") == full:
            yield f"ibport:0x{one.guid:016x}" if one.guid else "*"


def _name(ends: list[str]) -> str:
    return "*" if "*" in ends else BETWEEN.join(ends)
