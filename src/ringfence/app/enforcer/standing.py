"""Whether what is in force is still what was put there: read-backs compared, less what may change by itself.

        what was read after the apply ─▶ form ─┐
                                               ├─ equal: it stands
        what is read now ──────────────▶ form ─┘

Of nftables' table the form leaves out what the kernel counts, who is blocked for a while, and rules of control groups
that are gone, which match nothing. All else counts, flags of the table included. Of a containment it leaves out what
has lapsed by now; that a line lapses counts, the second in which it does not, since clocks are set. Other targets: the
text itself.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from ringfence.enforce import confine
from ringfence.enforce.base import Enforcer
from ringfence.enforce.nft_delta import KEPT
from ringfence.errors import EnforceError, InputError
from ringfence.wire import contain
from ringfence.wire.contain import Until

_COUNTS = re.compile(r"(?:\bover )?\b\d+ [kmg]?bytes(?: used \d+ [kmg]?bytes)?|\bpackets \d+ bytes \d+|\bused \d+ \w+")
_BLOCKED = re.compile(r"(\tset (?:" + "|".join(KEPT) + r") \{\n(?:(?!\t\}).*\n)*?)\t\telements = \{[^}]*\}\n")
_ELEMENTS = re.compile(r"(?<=elements = \{)[^}]*(?=\})")
_GROUP = re.compile(r'\bsocket cgroupv2 level \d+ (?:\d+|"([^"\n]{1,4000})") ')


def stands(target: str, was: str, now: str) -> bool:
    """Whether `now` is in force as `was` was, each a driver's read-back."""
    form, cut = _FORMS.get(target), _CUT.get(target)
    if was == now or (form is not None and form(was) == form(now)):
        return True
    return cut is not None and cut(was) <= cut(now)


def reading(driver: Enforcer) -> str | None:
    """What is in force now; None where that cannot be told."""
    try:
        return driver.read()
    except Exception:  # a driver's own fault is no evidence that all is well, and must not end the enforcer
        return None


def _nftables(text: str) -> str:
    try:
        root: Path | None = confine.mount()
    except EnforceError:
        root = None
    live = [line for line in _BLOCKED.sub(r"\1", text).splitlines() if not _dead(line, root)]
    ordered = _ELEMENTS.sub(lambda found: ",".join(sorted("".join(found[0].split()).split(","))), "\n".join(live))
    return _COUNTS.sub("", ordered)


def _dead(line: str, root: Path | None) -> bool:
    """A rule of a control group that is gone: nft prints its number then, where it printed its path before."""
    found = _GROUP.search(line)
    return found is not None and not (root and found[1] and (root / found[1]).is_dir())


def _contain(text: str) -> str:
    try:
        document = contain.decode(text, contain.OnHost)
    except InputError:
        return text
    fields = {name: getattr(document, name) for name in document.__struct_fields__}
    held = {
        name: tuple(sorted({Until(one.what, min(one.until, 1)) for one in contain.live(lines, time.time())}))
        for name, lines in fields.items()
        if name not in ("keep", "rate")
    }
    return contain.encode(msgspec.structs.replace(document, keep=tuple(sorted({*document.keep})), **held))


def _quarantined(text: str) -> set[str]:
    ports = contain.decode(text, contain.OnFabric).ports
    return {one.what for one in contain.live(ports, time.time())}


def _switched_off(text: str) -> set[str]:
    return set(contain.decode(text, contain.Ports).off)


def _expelled(text: str) -> set[str]:
    """A job that was still ending when it was read, and is gone now, is one more."""
    found = contain.decode(text, contain.OnScheduler)
    return {f"{name} {one}" for name in ("users", "jobs", "nodes") for one in getattr(found, name)}


def _revoked(text: str) -> set[str]:
    return set(contain.decode(text, contain.Bindings).revoked)


_CUT: dict[str, Callable[[str], set[str]]] = {
    "bindings": _revoked, "ports": _switched_off, "quarantine": _quarantined, "scheduler": _expelled,
}  # fmt: skip
"""Target → what its read-back says is cut. What is cut beside it, by an order that was half done, opens nothing."""

_FORMS: dict[str, Callable[[str], str]] = {"contain": _contain, "nftables": _nftables}
"""Target → a read-back without what changes by itself."""
