"""Jupyter's own configuration: `jupyter_*_config.py` (read as text, never run) and `.json`.

The default is a random token, so only an explicitly empty one with no password is open.
"""

import re
from collections.abc import Mapping

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_LINE = re.compile(
    r"^\s*c\.(?:ServerApp|NotebookApp|IdentityProvider|PasswordIdentityProvider|LabApp)\.(\w{1,40})\s*=\s*(.{0,400})$"
)
_HEAD = re.compile(
    rb"(?m)^[ \t#]*c\.(?:ServerApp|NotebookApp|IdentityProvider|PasswordIdentityProvider|LabApp)\.\w+[ \t]*="
)
_PREFIX = re.compile(r"^[uUbBrR]{1,2}(?=[\"'])")
_APPS = ("ServerApp", "NotebookApp", "IdentityProvider", "PasswordIdentityProvider", "LabApp")


class Jupyter(msgspec.Struct, frozen=True):
    """What decides who gets in. `port` is 0 where the default (8888) holds."""

    open: bool
    address: str
    port: int
    allow_root: bool


def looks_like(head: bytes) -> bool:
    return bool(_HEAD.search(head)) or (head.lstrip()[:1] == b"{" and any(f'"{app}"'.encode() in head for app in _APPS))


def config(data: bytes) -> Jupyter:
    """The settings of either form. Raises `InputError`."""
    values = _json(data) if data.lstrip()[:1] == b"{" else _python(data)
    secrets = [values.get("token"), values.get("password"), values.get("hashed_password")]
    port = values.get("port", "")
    return Jupyter(
        open=values.get("token") == "" and not any(secrets),
        address=values.get("ip", "localhost"),
        port=int(port) if port.isdecimal() and len(port) < 6 else 0,
        allow_root=values.get("allow_root", "").lower() == "true",
    )


def _python(data: bytes) -> Mapping[str, str]:
    found = {}
    for _, line in safe.lines(data):
        row = _LINE.match(line[:1000])
        if row:
            value = _PREFIX.sub("", row[2].strip())
            quote = value[:1] if value[:1] in "\"'" else ""
            found[row[1]] = value[1:].partition(quote)[0] if quote else value.partition("#")[0].strip()
    return found


def _json(data: bytes) -> Mapping[str, str]:
    tree = safe.json(data)
    if not isinstance(tree, dict):
        raise InputError("not a Jupyter configuration: it is an object")
    return {
        key: str(value)
        for app in _APPS
        for key, value in _table(tree.get(app)).items()
        if isinstance(value, str | int | bool)
    }


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
