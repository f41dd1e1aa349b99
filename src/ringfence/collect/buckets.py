"""Object storage → facts: who may read and write a bucket, and whether that is everyone."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from ringfence.collect.base import CapturedFile, Found, asked, stamped
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.wire.storage.bucket import ANYONE, Access, Grant, parse


def facts(files: Iterable[CapturedFile]) -> Iterator[Found]:
    """Facts of all captured answers, gathered by bucket: a block in one file silences a grant in another.

    An access list does not name its bucket: the folder it lies in does.
    """
    grants: dict[str, list[tuple[Grant, CapturedFile]]] = defaultdict(list)
    blocked: dict[str, bool] = {}
    for file in files:
        folder = PurePosixPath(file.path).parent.name
        try:
            access = parse(file.data)
        except InputError as error:
            yield Problem.of(file.path, error)
            continue
        if access.blocked is not None:
            blocked[folder] = access.blocked
        for grant in access.grants:
            grants[grant.bucket or folder].append((grant, file))
    for bucket, found in sorted(grants.items()):
        for grant, file in found:
            yield from (stamped(fact, file) for fact in of_grant(bucket, grant, blocked.get(bucket, False)))
    for bucket in sorted({*grants, *blocked}):
        yield asked(ids.storage("s3", bucket), "bucket-policy", answered=True)


def of_access(bucket: str, access: Access, blocked: bool) -> Iterator[Fact]:
    """Facts of one bucket whose name is known."""
    for grant in access.grants:
        yield from of_grant(bucket, grant, blocked)


def of_grant(bucket: str, grant: Grant, blocked: bool) -> Iterator[Fact]:
    """What one grant says. A public one under a block, or under a condition, is not public."""
    entity = ids.storage("s3", bucket)
    if grant.principal == ANYONE:
        if blocked or grant.conditional:
            return
        for name, held in (("read", grant.read), ("write", grant.write)):
            if held:
                yield Fact(entity, "setting", f"public={name}")
        return
    who = principal(grant.principal)
    if who and grant.read:
        yield Fact(entity, "readable_by", who)
    if who and grant.write:
        yield Fact(entity, "writable_by", who)


def principal(arn: str) -> str:
    """The role or identity that an ARN or account number names.

    >>> principal("arn:aws:iam::111122223333:role/train")
    'role:aws/111122223333/train'
    """
    if arn.isdigit():
        return ids.of("identity", "aws", arn)
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return ids.of("identity", "aws", arn) if arn else ""
    account, resource = parts[4], parts[5]
    family, _, name = resource.partition("/")
    short = name.rpartition("/")[2]
    if family == "role":
        return ids.of("role", "aws", account, short)
    if family == "assumed-role":
        return ids.of("role", "aws", account, name.partition("/")[0])
    return ids.of("identity", "aws", account) if family == "root" else ids.of("identity", "aws", account, short)
