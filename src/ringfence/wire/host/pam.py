"""A PAM service file, `/etc/pam.d/sshd` (pam.conf(5))."""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_KINDS = ("auth", "account", "session", "password")
_RULE = re.compile(r"^-?(auth|account|session|password)\s+(\[[^\]\n]{0,500}\]|\S+)\s+(\S+)\s*(.*)$", re.IGNORECASE)
_HEAD = re.compile(rb"(?mi)^(?:-?(?:auth|account|session|password)[ \t]+\S.*\bpam_\w+\.so|@include[ \t]+common-)")


class PamRule(msgspec.Struct, frozen=True):
    """One line: when it applies, how its result counts, which module, with which arguments."""

    kind: str
    control: str
    module: str
    arguments: str = ""


def looks_like(head: bytes) -> bool:
    return bool(_HEAD.search(head))


def rules(data: bytes) -> tuple[PamRule, ...]:
    """Every rule, in order; `@include NAME` and `include` are rules of control `include`. Raises `InputError`."""
    found = []
    for number, line in _joined(data):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if text.startswith("@include"):
            found += [PamRule(kind, "include", text.split(None, 1)[-1]) for kind in _KINDS]
            continue
        match = _RULE.match(text)
        if not match:
            raise InputError("not a PAM rule", line=number, remedy="a rule is `type control module [arguments]`")
        found.append(PamRule(match[1].lower(), match[2].lower(), match[3].rpartition("/")[2], match[4].strip()))
    return tuple(found)


def uses(found: tuple[PamRule, ...], module: str, kind: str = "account") -> bool:
    """Whether a module decides in this phase. One that is `optional` decides nothing."""
    return any(rule.kind == kind and rule.module == module and rule.control != "optional" for rule in found)


def _joined(data: bytes) -> list[tuple[int, str]]:
    """Lines with those that end in a backslash joined to the next."""
    joined: list[tuple[int, str]] = []
    held, start = "", 0
    for number, line in safe.lines(data):
        start = start or number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        joined.append((start, held + line))
        held, start = "", 0
    if held:
        joined.append((start, held))
    return joined
