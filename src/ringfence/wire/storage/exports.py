"""NFS exports: `/etc/exports`, `/etc/exports.d/*` and `exportfs -v` (exports(5) of nfs-utils).

A client without options has the documented defaults: read-only, root squashed, sec=sys. A space
between a client and its options makes the options the world's, and is read so.
"""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

WORLD = "*"
_ENTRY = re.compile(rb'(?m)^"?/[^\n]{0,4000}?"?[ \t]+[^\s()#]{0,300}\([a-z0-9_,=:.@/-]{0,500}\)')
_OPTION_NAMES = (b"root_squash", b"sync", b"subtree_check", b"rw", b"ro", b"sec=", b"wdelay", b"fsid")
_CLIENT = re.compile(r"\A([^\s()]{0,300})(?:\(([^()\s]{0,2000})\))?\Z")
_REMEDY = "see exports(5); `exportfs -v` shows what is in force"
_OCTAL = re.compile(r"\\([0-7]{3})")


class Client(msgspec.Struct, frozen=True):
    """Who may mount, and how they are believed.

    `spec` is a host name, wildcard, `@netgroup`, address, CIDR or `*`. `squash`: "none" (its root
    stays root), "root", or "all" (every account becomes the anonymous one). `sec`: flavours allowed.
    `options`: all that is said, as written and in order.
    The old client `gss/krb5i` is everyone with that flavour. `insecure`: requests from unprivileged
    ports are served, so a user's own program may be the client.
    """

    spec: str
    rw: bool
    squash: str
    sec: tuple[str, ...]
    root_of_v4: bool = False
    insecure: bool = False
    options: tuple[str, ...] = ()


class Export(msgspec.Struct, frozen=True):
    """One exported folder."""

    path: str
    clients: tuple[Client, ...]


class Exports(msgspec.Struct, frozen=True):
    """What a file exports, and the lines that did not parse."""

    exports: tuple[Export, ...]
    faults: tuple[InputError, ...]


def looks_like(head: bytes) -> bool:
    """Whether the text is an export table: a path, a client, known options in brackets."""
    found = _ENTRY.search(head)
    return bool(found) and any(name in found[0] for name in _OPTION_NAMES)  # type: ignore[index]  # bool(found) above


def parse(data: bytes) -> Exports:
    """Read an export table. A line that does not parse becomes a fault, the others count."""
    merged: dict[str, list[Client]] = {}
    faults: list[InputError] = []
    for line, words in _entries(data):
        try:
            path, clients = _entry(words)
        except InputError as error:
            faults.append(InputError(error.what, line=line, remedy=_REMEDY))
        else:
            merged.setdefault(path, []).extend(clients)
    return Exports(tuple(Export(path, tuple(clients)) for path, clients in merged.items()), tuple(faults))


def _entries(data: bytes) -> list[tuple[int, list[str]]]:
    """(line, words): comments gone, lines ending in a backslash or going on with an indent joined."""
    found: list[tuple[int, list[str]]] = []
    joined = False
    for line, text in safe.lines(data):
        bare = text.partition("#")[0].rstrip()
        words = _words(bare.removesuffix("\\"))
        if words and found and (joined or bare[0] in " \t"):
            found[-1][1].extend(words)
        elif words:
            found.append((line, words))
        joined = bare.endswith("\\") and bool(found)
    return found


def _words(text: str) -> list[str]:
    """Split at blanks; a path in double quotes is one word."""
    if text.startswith('"'):
        path, _, rest = text[1:].partition('"')
        return [path, *rest.split()]
    return text.split()


def _entry(words: list[str]) -> tuple[str, list[Client]]:
    path = unescaped(words[0])
    if not path.startswith("/"):
        raise InputError(f"an export begins with a path, not {path[:60]!r}")
    defaults: list[str] = []
    clients = []
    for word in words[1:]:
        if word.startswith("-") and "(" not in word:
            defaults = word[1:].split(",")
            continue
        match = _CLIENT.match(word)
        if match is None:
            raise InputError(f"not a client with options: {word[:60]!r}")
        clients.append(_client(match[1], [*defaults, *(match[2] or "").split(",")]))
    return path, clients or [_client("", defaults)]


def _client(spec: str, options: list[str]) -> Client:
    rw, none, every, root, insecure = False, False, False, False, False
    flavours: tuple[str, ...] = ()
    for option in options:
        name, _, value = option.partition("=")
        if name in ("rw", "ro"):
            rw = name == "rw"
        elif name in ("no_root_squash", "root_squash"):
            none = name == "no_root_squash"
        elif name in ("all_squash", "no_all_squash"):
            every = name == "all_squash"
        elif name == "fsid":
            root = root or value in ("0", "root")
        elif name in ("insecure", "secure"):
            insecure = name == "insecure"
        elif name == "sec":
            flavours = (*flavours, *(flavour for flavour in value.split(":") if flavour))
    squash = "all" if every else "none" if none else "root"
    if spec.startswith("gss/"):
        flavours, spec = (spec.removeprefix("gss/"),), WORLD
    sec = tuple(dict.fromkeys(flavours)) or ("sys",)
    said = tuple(option for option in options if option)
    return Client(WORLD if spec in ("", "<world>") else spec, rw, squash, sec, root, insecure, said)


def unescaped(text: str) -> str:
    r"""A path with its `\040`-style escapes undone, without a slash at its end."""
    plain = _OCTAL.sub(lambda code: chr(int(code[1], 8) & 0xFF), text)
    return plain.rstrip("/") or "/" if plain.startswith("/") else plain
