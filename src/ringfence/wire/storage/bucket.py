"""S3 bucket policies, access lists and public-access blocks, as the AWS command line prints them.

A policy comes bare or as the text inside `{"Policy": "…"}`; both are read. A statement with a
condition is kept, and marked: it may still be open, but not to everyone.
"""

from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

ANYONE = "*"
_ALL_USERS = ("AllUsers", "AuthenticatedUsers")
_REMEDY = "capture it with `aws s3api get-bucket-policy`, `get-bucket-acl` or `get-public-access-block`"
_READS = ("s3:getobject", "s3:*", "*", "s3:get*", "s3:getobject*", "s3:getobjectversion")
_WRITES = ("s3:putobject", "s3:*", "*", "s3:put*", "s3:putobject*", "s3:deleteobject", "s3:putbucketpolicy")


class Grant(msgspec.Struct, frozen=True):
    """Who (`*` or an ARN) may read or write which bucket (empty: the file does not say)."""

    principal: str
    bucket: str
    read: bool
    write: bool
    conditional: bool


class Access(msgspec.Struct, frozen=True):
    """`blocked`: a public-access block that stops public grants is in force (None: not told here)."""

    grants: tuple[Grant, ...]
    blocked: bool | None = None


def looks_like(head: bytes) -> bool:
    """Whether it is one of the three answers."""
    start = head.lstrip()[:1]
    return start == b"{" and (
        (b"Statement" in head and b"s3:" in head and b"Principal" in head)
        or (b'"Grants"' in head and b'"Owner"' in head)
        or b'"PublicAccessBlockConfiguration"' in head
    )


def parse(data: bytes) -> Access:
    """Read any of the three. Raises `InputError`."""
    document = safe.json(data)
    if not isinstance(document, dict):
        raise InputError("a policy is an object", remedy=_REMEDY)
    if "PublicAccessBlockConfiguration" in document:
        rules = document["PublicAccessBlockConfiguration"]
        names = ("RestrictPublicBuckets", "IgnorePublicAcls")
        return Access((), isinstance(rules, dict) and all(rules.get(name) is True for name in names))
    if "Grants" in document:
        return Access(tuple(_acl(each) for each in _list(document["Grants"])))
    inner = document.get("Policy", document)
    return policy(safe.json(inner.encode()) if isinstance(inner, str) else inner)


def policy(document: Any) -> Access:
    """The grants of a policy document. Raises `InputError`."""
    if not isinstance(document, dict) or "Statement" not in document:
        raise InputError("a policy has statements", remedy=_REMEDY)
    grants = []
    for row in _list(document["Statement"]):
        if not isinstance(row, dict):
            raise InputError("a statement is an object", remedy=_REMEDY)
        if row.get("Effect") == "Allow":
            grants.extend(_statement(row))
    return Access(tuple(grants))


def _statement(row: dict[str, Any]) -> list[Grant]:
    actions = {str(action).lower() for action in _list(row.get("Action", []))}
    read, write = not actions.isdisjoint(_READS), not actions.isdisjoint(_WRITES)
    if "NotAction" in row:
        read = write = True
    if not (read or write):
        return []
    principal = row.get("Principal", ANYONE if "NotPrincipal" in row else [])
    who = (
        [each for value in principal.values() for each in _list(value)] if isinstance(principal, dict) else [principal]
    )
    buckets = {_bucket(str(each)) for each in _list(row.get("Resource", []))} or {""}
    conditional = bool(row.get("Condition"))
    return [Grant(str(each), name, read, write, conditional) for each in who if each for name in sorted(buckets)]


def _bucket(arn: str) -> str:
    """`arn:aws:s3:::weights/*` is about `weights`."""
    return arn.rpartition(":::")[2].partition("/")[0]


def _acl(row: Any) -> Grant:
    grantee = row.get("Grantee") if isinstance(row, dict) else None
    permission = row.get("Permission") if isinstance(row, dict) else None
    if not isinstance(grantee, dict) or not isinstance(permission, str):
        raise InputError("a grant has Grantee and Permission", remedy=_REMEDY)
    uri = str(grantee.get("URI", ""))
    who = ANYONE if uri.endswith(_ALL_USERS) else str(grantee.get("ID", ""))
    full = permission == "FULL_CONTROL"
    return Grant(who, "", full or permission == "READ", full or permission in ("WRITE", "WRITE_ACP"), False)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
