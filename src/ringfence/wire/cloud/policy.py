"""IAM policy documents: who is trusted, what is allowed. Text, URL-encoded text or objects alike."""

from typing import Any
from urllib.parse import unquote

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.cloud.model import Statement


def document(value: Any) -> dict[str, Any]:
    """The policy as an object. Raises `InputError` where it is neither JSON text nor an object."""
    if isinstance(value, str):
        value = safe.json((unquote(value) if value.lstrip().startswith("%") else value).encode())
    if not isinstance(value, dict):
        raise InputError("a policy is an object", remedy="capture it with the cloud's own command line")
    return value


def allowed(value: Any) -> tuple[Statement, ...]:
    """The allow statements of a policy. NotAction reads as everything: what is left out is not worth the risk."""
    found = []
    for row in listed(document(value).get("Statement")):
        if isinstance(row, dict) and row.get("Effect") == "Allow":
            actions = ("*",) if "NotAction" in row else texts(row.get("Action"))
            resources = ("*",) if "NotResource" in row else texts(row.get("Resource"))
            found.append(Statement(actions, resources, bool(row.get("Condition"))))
    return tuple(found)


def trusted(value: Any) -> tuple[str, ...]:
    """Who may assume the role: ARNs, account numbers, service names, `*`."""
    found: dict[str, None] = {}
    for row in listed(document(value).get("Statement")):
        if isinstance(row, dict) and row.get("Effect") == "Allow":
            principal = row.get("Principal")
            rows = principal.values() if isinstance(principal, dict) else [principal]
            found.update(dict.fromkeys(text for each in rows for text in texts(each)))
    return tuple(found)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in listed(value) if isinstance(each, str))


def grants(actions: tuple[str, ...], wanted: str) -> bool:
    """Whether any pattern covers the action; `*` only at the end, as is usual, else compared piece by piece."""
    want = wanted.lower()
    return any(_covers(each.lower(), want) for each in actions)


def _covers(pattern: str, want: str) -> bool:
    pieces = pattern.split("*")
    if len(pieces) == 1:
        return pattern == want
    if not want.startswith(pieces[0]) or not want.endswith(pieces[-1]):
        return False
    at = len(pieces[0])
    for piece in pieces[1:-1]:
        at = want.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return at <= len(want) - len(pieces[-1])
