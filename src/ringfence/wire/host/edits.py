"""Small changes to configuration files of others: bytes → bytes, and every line that is right already stays as it is.

`ASSIGN[style]`: (value of a key or None, text with the key set). `EDIT[style]`: text with what is wrong put right; it
raises `InputError` where the file holds something that only people can decide. Both give the same text when they are
used again. Line ends and bytes that are no UTF-8 are kept.
"""

import re
from collections.abc import Callable

from ringfence.errors import InputError

_SECTION = re.compile(r"^\s*\[([A-Za-z0-9_.-]{1,200})\]\s*(?:#.*)?$")
_SLURM = re.compile(r"^\s*([A-Za-z]{1,60})\s*=\s*([^#\s]*)")
_TOML = re.compile(r"^\s*([A-Za-z0-9_-]{1,100})\s*=\s*([^#]*?)\s*(?:#.*)?$")
_ACCOUNT = re.compile(r"^-?account\s|^@include\s+\S*account", re.IGNORECASE)
_ADOPT = "pam_slurm_adopt.so"
PAM_ADMINS = "/etc/security/ringfence-admins.conf"
PAM_LINES = (
    f"account    sufficient    pam_access.so accessfile={PAM_ADMINS}",
    f"account    required      {_ADOPT}",
)
_NETWORK = frozenset(("nfs", "nfs4", "lustre", "beegfs", "wekafs", "gpfs", "cifs"))
_CLIENT = re.compile(r"^(?P<who>[^\s()]{0,300})\((?P<options>[^()\s]{0,2000})\)$")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _slurm_value(data: bytes, key: str) -> str | None:
    """The last word of Slurm's `Key=Value`, names without regard to case."""
    found = None
    for line in _text(data).splitlines():
        match = _SLURM.match(line)
        if match and match[1].lower() == key.lower():
            found = match[2]
    return found


def _slurm_set(data: bytes, key: str, value: str) -> bytes:
    lines, placed = [], False
    for line in _text(data).splitlines(keepends=True):
        match = _SLURM.match(line)
        if match and match[1].lower() == key.lower():
            if placed:  # the last would win; one is enough
                continue
            line, placed = line[: match.start(2)] + value + line[match.end(2) :], True
        lines.append(line)
    return _bytes(_ended("".join(lines)) + f"{key}={value}\n") if not placed else _bytes("".join(lines))


def _toml_lines(data: bytes, key: str) -> tuple[list[str], int | None, int | None]:
    """(lines, index of the key's line, index after which it would stand), for a key `section.name` or `name`."""
    section, _, name = key.rpartition(".")
    lines, at, after, current = _text(data).splitlines(keepends=True), None, None, ""
    if not section:
        after = -1
    for number, line in enumerate(lines):
        head = _SECTION.match(line)
        if head:
            current = head[1]
            after = number if current == section and after is None else after
        elif current == section and (match := _TOML.match(line)) and match[1] == name:
            at = number
    return lines, at, after


def _toml_value(data: bytes, key: str) -> str | None:
    """A value as it is written; keys on one line, which is how NVIDIA's tools write them."""
    lines, at, _ = _toml_lines(data, key)
    match = _TOML.match(lines[at]) if at is not None else None
    return match[2].strip() if match else None


def _toml_set(data: bytes, key: str, value: str) -> bytes:
    lines, at, after = _toml_lines(data, key)
    section, _, name = key.rpartition(".")
    if at is not None:
        end = "\n" if lines[at].endswith("\n") else ""
        lines[at] = f"{name} = {value}{end}"
    elif after is not None:
        lines.insert(after + 1, f"{name} = {value}\n")
    else:
        lines = [_ended("".join(lines)), f"[{section}]\n{name} = {value}\n"]
    return _bytes("".join(lines))


def pam_adopt(data: bytes) -> bytes:
    """`pam_slurm_adopt` last in the account phase, behind the way of administrators; not in a job's way `pam_systemd`.

    Whatever lets somebody in before (`sufficient`) is for people to decide. Raises `InputError` for it.
    """
    lines = _text(data).splitlines(keepends=True)
    mine = [line for line in lines if line.strip() in PAM_LINES]
    there = [number for number, line in enumerate(lines, 1) if _active(line) and _ADOPT in line]
    if len(mine) == len(PAM_LINES) and _right(lines):
        return data
    if there and not mine:
        last = max(number for number, line in enumerate(lines, 1) if _active(line) and _ACCOUNT.match(line))
        if there == [last]:
            return data
        what = f"{_ADOPT} stands before another rule of the account phase"
        raise InputError(what, line=there[0], remedy="move it to the end of the account phase")
    kept = [line for line in lines if line.strip() not in PAM_LINES]
    for number, line in enumerate(kept, 1):
        if _active(line) and re.match(r"^-?account\s+sufficient\s", line):
            remedy = "decide who may pass, and remove it"
            raise InputError("a rule lets people in before it", line=number, remedy=remedy)
    places = [number for number, line in enumerate(kept) if _active(line) and _ACCOUNT.match(line)]
    if not places:
        raise InputError("there is no account phase", remedy="restore the file from its package")
    at = places[-1]
    kept[at] = _ended(kept[at])
    kept[at + 1 : at + 1] = [f"{line}\n" for line in PAM_LINES]
    return _bytes("".join(kept))


def _right(lines: list[str]) -> bool:
    """Whether our two lines are the last of the account phase, in order."""
    phase = [line.strip() for line in lines if _active(line) and re.match(r"^-?account\s", line)]
    return tuple(phase[-2:]) == PAM_LINES


def mount_options(data: bytes) -> bytes:
    """`nosuid,nodev` for every network file system of fstab(5)."""
    lines = []
    for line in _text(data).splitlines(keepends=True):
        fields = line.split()
        if not line.lstrip().startswith("#") and len(fields) >= 4 and fields[2] in _NETWORK:
            options = fields[3].split(",")
            wanted = [one for one in options if one not in ("suid", "dev")]
            wanted += [one for one in ("nosuid", "nodev") if one not in wanted]
            if wanted != options:
                head = re.match(r"\s*(?:\S+\s+){3}", line)
                assert head
                line = line[: head.end()] + ",".join(wanted) + line[head.end() + len(fields[3]) :]
        lines.append(line)
    return _bytes("".join(lines))


def export_options(data: bytes) -> bytes:
    """No client's root is root, and no program of a user is a client: `no_root_squash` and `insecure` go.

    Raises `InputError` for a folder that everybody may write: whom it is for, only people know.
    """
    lines = []
    for number, line in enumerate(_text(data).splitlines(keepends=True), 1):
        words = [] if line.lstrip().startswith("#") else line.split()
        for word in words:
            client = _CLIENT.match(word)
            if not client:
                continue
            options = client["options"].split(",")
            if client["who"] in ("", "*") and "rw" in options:
                raise InputError("everybody may write there", line=number, remedy="name the clients that need it")
            wanted = [one for one in options if one not in ("no_root_squash", "insecure")]
            if wanted != options:
                line = line.replace(word, f"{client['who']}({','.join(wanted or ['ro'])})")
        lines.append(line)
    return _bytes("".join(lines))


def _active(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


ASSIGN: dict[str, tuple[Callable[[bytes, str], str | None], Callable[[bytes, str, str], bytes]]] = {
    "slurm": (_slurm_value, _slurm_set),
    "toml": (_toml_value, _toml_set),
}
EDIT: dict[str, Callable[[bytes], bytes]] = {
    "pam": pam_adopt,
    "fstab": mount_options,
    "exports": export_options,
}
