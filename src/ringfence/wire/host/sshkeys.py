"""Public SSH keys: authorized_keys, known_hosts and `.pub` files (sshd(8)).

Only public halves are ever read; a private key appears in a capture as a salted hash.
"""

import base64
import binascii
import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_TYPES = (
    r"(?:ssh-(?:rsa|dss|ed25519|ed448)|ecdsa-sha2-nistp\d{3}|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    r"(?:-cert-v01@openssh\.com)?"
)
_KEY = re.compile(rf"(?:^|[ \t])({_TYPES})[ \t]+(AAAA[A-Za-z0-9+/=]+)")
_OPTION = re.compile(
    r"(?i)^(?:restrict|cert-authority|no-|command=|from=|environment=|permitopen=|permitlisten=|principals=|tunnel="
    r"|expiry-time=|agent-forwarding|port-forwarding|pty|user-rc|x11-forwarding|verify-required|touch-required)"
)
_KEY_BYTES = re.compile(rb"(?m)^[^#\n]{0,4000}?\b(?:ssh-|ecdsa-sha2-|sk-)[a-z0-9@.-]{2,60}[ \t]+AAAA[A-Za-z0-9+/]")
_LONGEST = 32_768
"""Characters of a line of authorized_keys: an RSA key of 16,384 bits takes 2,800."""


class PublicKey(msgspec.Struct, frozen=True):
    """One key that opens an account. `options` in order, names in lower case, values unquoted."""

    type: str
    blob: bytes
    options: tuple[tuple[str, str], ...] = ()
    comment: str = ""
    line: int = 0

    def option(self, name: str) -> str | None:
        """The value of an option, "" for one without a value, None where it is absent."""
        return next((value for known, value in self.options if known == name), None)


class KnownHost(msgspec.Struct, frozen=True):
    """One line of known_hosts. `names` is empty where the file keeps only hashed names."""

    names: tuple[str, ...]
    type: str
    blob: bytes
    marker: str = ""


def looks_like(head: bytes) -> str:
    """One of "authorized", "known" or "": which of the two a text with public keys is."""
    found = _KEY_BYTES.search(head)
    if not found:
        return ""
    line = head[found.start() : found.start() + 4096].split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    if re.match(_TYPES, line) or _OPTION.match(line):
        return "authorized"
    return "known"


def authorized_keys(data: bytes) -> tuple[PublicKey, ...]:
    """Every key of authorized_keys or of a `.pub` file.

    Raises `InputError` for a line that holds no key: sshd skips it, but a capture cut short must
    not look like an account with fewer keys.
    """
    keys = []
    for number, line in safe.lines(data):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if len(text) > _LONGEST:
            raise InputError("longer than any key", line=number, remedy="capture the file again")
        options, rest = _options(text, number)
        found = _KEY.match(rest)
        if not found:
            raise InputError("no public key on this line", line=number, remedy="capture the file again")
        blob = _blob(found[2], found[1], number)
        keys.append(PublicKey(found[1], blob, options, rest[found.end() :].strip()[:200], number))
    return tuple(keys)


def known_hosts(data: bytes) -> tuple[KnownHost, ...]:
    """Every known host. Raises `InputError` for a line that holds no key."""
    hosts = []
    for number, line in safe.lines(data):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if len(words) < 3 or not re.fullmatch(_TYPES, words[1]):
            raise InputError("no host key on this line", line=number, remedy="capture the file again")
        names = () if words[0].startswith("|") else tuple(_bare(name) for name in words[0].split(",") if name)
        hosts.append(KnownHost(names, words[1], _blob(words[2], words[1], number), marker))
    return tuple(hosts)


def _bare(name: str) -> str:
    return name[1:].partition("]")[0] if name.startswith("[") else name


def _blob(text: str, type: str, line: int) -> bytes:
    """The key's bytes, whose own first field must repeat its type (RFC 4253, section 6.6)."""
    try:
        blob = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InputError("the key is not base64", line=line, remedy="capture the file again") from None
    size = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + size] != type.encode():
        raise InputError("the key is not of the type that its line names", line=line)
    return blob


def _options(text: str, line: int) -> tuple[tuple[tuple[str, str], ...], str]:
    """(options, the text from the key type on). Options end at the first space outside quotes."""
    if re.match(_TYPES + r"[ \t]", text):
        return (), text
    parts: list[str] = [""]
    quoted = escaped = False
    for at, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == "\\" and quoted:
            escaped = True
            continue
        elif letter == '"':
            quoted = not quoted
            continue
        elif letter == "," and not quoted:
            parts.append("")
            continue
        elif letter in " \t" and not quoted:
            named = (part.partition("=") for part in parts if part)
            return tuple((name.lower(), value) for name, _, value in named), text[at:].lstrip()
        parts[-1] += letter
    raise InputError("the options do not end", line=line)
