"""`sshd_config`, `sshd -T` and `ssh_config` (OpenSSH; sshd_config(5), ssh_config(5)).

For each keyword the first value counts; a few (AllowUsers, …) add up. What stands in a Match block
holds for some connections only and is kept apart; what stands under `Match all` takes the place of the global part.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

DEFAULTS: Mapping[str, str] = {
    "permitrootlogin": "prohibit-password",
    "passwordauthentication": "yes",
    "pubkeyauthentication": "yes",
    "hostbasedauthentication": "no",
    "ignorerhosts": "yes",
    "allowagentforwarding": "yes",
    "allowtcpforwarding": "yes",
    "authorizedkeysfile": ".ssh/authorized_keys .ssh/authorized_keys2",
    "permitemptypasswords": "no",
    "usepam": "no",
    "port": "22",
}
"""What OpenSSH does where a file says nothing (sshd_config(5), 9.x)."""

ADDING = ("allowusers", "allowgroups", "denyusers", "denygroups", "port", "listenaddress")
KEYWORDS = {*DEFAULTS, *ADDING, "subsystem", "x11forwarding", "challengeresponseauthentication", "usedns"}
_CLIENT = {"forwardagent", "proxyjump", "proxycommand", "identityfile", "stricthostkeychecking", "hashknownhosts"}
_CLIENT |= {"userknownhostsfile", "globalknownhostsfile", "sendenv", "hostname"}
_DEEPEST = 16


class Match(msgspec.Struct, frozen=True):
    """One Match block: its criteria as written, and what it sets."""

    criteria: str
    values: Mapping[str, str]


class Sshd(msgspec.Struct, frozen=True):
    """What one server does. `values` holds the global part without defaults."""

    values: Mapping[str, str]
    matches: tuple[Match, ...] = ()
    missing: tuple[str, ...] = ()
    """Include patterns that no captured file met."""

    def get(self, keyword: str) -> str:
        """The global value, lower case for yes/no words; the default of OpenSSH where none is set."""
        return self.values.get(keyword, DEFAULTS.get(keyword, ""))

    def every(self, keyword: str) -> tuple[str, ...]:
        """The global value and those of all Match blocks, in order."""
        return (self.get(keyword), *(match.values[keyword] for match in self.matches if keyword in match.values))


def looks_like(head: bytes) -> str:
    """One of "sshd", "ssh" or "", by the keywords that lines begin with."""
    words = [line.split(None, 1)[0].lower() for line in _text(head).splitlines() if line.strip()]
    commented = [word.lstrip("#") for word in words]
    server = sum(word in KEYWORDS for word in commented)
    client = sum(word in _CLIENT or word == "host" for word in commented)
    if server == client or not any(not word.startswith("#") for word in words):
        return ""
    return "sshd" if server > client else "ssh"


def _text(head: bytes) -> str:
    return head.decode("utf-8", "replace").replace("=", " ")


def config(data: bytes, included: Mapping[str, bytes] | None = None) -> Sshd:
    """`sshd_config` with its drop-ins, or the answer of `sshd -T`.

    `included` maps absolute paths of captured drop-ins to their bytes. Raises `InputError`.
    """
    reading = _Reading(included or {})
    reading.read(data, 0)
    return Sshd(
        {**reading.values, **reading.always},
        tuple(Match(text, values) for text, values in reading.matches),
        tuple(reading.missing),
    )


class _Reading:
    def __init__(self, included: Mapping[str, bytes]) -> None:
        self.included = included
        self.values: dict[str, str] = {}
        self.always: dict[str, str] = {}
        self.matches: list[tuple[str, dict[str, str]]] = []
        self.missing: list[str] = []
        self.lines = 0

    def read(self, data: bytes, depth: int) -> None:
        if depth > _DEEPEST:
            raise InputError("Include goes too deep", remedy="a file includes itself")
        at = self.values
        for number, line in safe.lines(data):
            self.lines += 1
            if self.lines > 200_000:
                raise InputError("Include repeats too much", line=number)
            keyword, value = split(line)
            if not keyword:
                continue
            if keyword == "match":
                at = self.always if value.lower() == "all" else self._block(value)
            elif keyword == "include":
                for pattern in value.split():
                    self._include(pattern, depth)
            elif keyword in ADDING and keyword in at and at[keyword] != value:
                at[keyword] = f"{at[keyword]} {value}"[:20_000]
            else:
                at.setdefault(keyword, value)

    def _block(self, criteria: str) -> dict[str, str]:
        self.matches.append((criteria, {}))
        return self.matches[-1][1]

    def _include(self, pattern: str, depth: int) -> None:
        wanted = pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"
        found = [path for path in sorted(self.included) if fnmatchcase(path, wanted)]
        if not found:
            self.missing.append(pattern)
        for path in found:
            self.read(self.included[path], depth + 1)


def split(line: str) -> tuple[str, str]:
    """(keyword in lower case, value) of one line; ("", "") for comments. Quotes around values go."""
    text = line.strip()
    if not text or text.startswith("#"):
        return "", ""
    cut = min((at for at in (text.find(mark) for mark in " \t=") if at > 0), default=len(text))
    return text[:cut].lower(), text[cut:].strip(" \t=").replace('"', "")


class ClientBlock(msgspec.Struct, frozen=True):
    """One Host or Match block of ssh_config; the part before the first has pattern `*`."""

    pattern: str
    values: Mapping[str, str]


def client(data: bytes) -> tuple[ClientBlock, ...]:
    """The blocks of an ssh_config, in order. Raises `InputError` only for oversized input."""
    blocks: list[tuple[str, dict[str, str]]] = [("*", {})]
    for _, line in safe.lines(data):
        keyword, value = split(line)
        if keyword in ("host", "match"):
            blocks.append((value, {}))
        elif keyword:
            blocks[-1][1].setdefault(keyword, value)
    return tuple(ClientBlock(pattern, values) for pattern, values in blocks if values)
