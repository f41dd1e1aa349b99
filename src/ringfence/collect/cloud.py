"""Cloud accounts → facts: what a VPC lets pass, what an instance may do by being an instance, whose buckets.

A security group is two kinds of place: `network:aws/<group>`, from which its members send, and
`network:aws/<group>/<protocol>-<ports>`, one for each range let in, on which members listen. What
is let in is a way from the first kind to the second, so a group is no path between its own
members unless a rule says so.
"""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from ringfence.collect import cloud_network, cloud_roles
from ringfence.collect.base import CapturedFile, Collector, Found, Scope, asked, stamped
from ringfence.collect.buckets import of_access
from ringfence.collect.cloud_account import Account
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.wire.cloud import describe, terraform
from ringfence.wire.cloud.model import Cloud, Secret

FORM = "cloud"


def recognise(path: str, head: bytes) -> str:
    """Claim Terraform states and the answers of the AWS command line."""
    del path
    return FORM if terraform.looks_like(head) or describe.looks_like(head) else ""


def collect(form: str, files: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """Facts of all files together: groups are in one answer, instances in another."""
    del form
    read: list[tuple[CapturedFile, Cloud]] = []
    for file in files:
        parse = terraform.parse if terraform.looks_like(file.head) else describe.parse
        try:
            read.append((file, parse(file.data)))
        except InputError as error:
            yield Problem.of(file.path, error)
    if not read:
        return
    account = Account([cloud for _, cloud in read], scope)
    first = read[0][0]
    yield stamped(asked(account.cluster, "cloud", answered=True), first)
    for fact in (*cloud_network.facts(account), *cloud_roles.facts(account)):
        yield stamped(fact, first)
    for file, cloud in read:
        for bucket in cloud.buckets:
            yield from (stamped(fact, file) for fact in of_access(bucket.name, bucket.access, bucket.blocked))
        yield from (stamped(fact, file) for fact in _secrets(cloud.secrets, file, account, scope.salt))


def _secrets(secrets: Iterable[Secret], file: CapturedFile, account: Account, salt: bytes) -> Iterator[Fact]:
    """Every secret of a state by its salted hash; the state lies on the host or in the bucket that its path names."""
    parts = PurePosixPath(file.path).parts
    if "hosts" in parts[:-1]:
        keeper, told = account.scope.host_of(file.path), {"readable_by": "user"}
    elif "s3" in parts[:-2]:
        keeper, told = ids.storage("s3", parts[parts.index("s3") + 1]), {}
    else:
        keeper, told = ids.storage("terraform", file.path), {}
    for secret in secrets:
        credential = ids.credential("terraform", secret.value, salt)
        yield Fact(keeper, "stores_credential", credential, {**told, "path": ids.clean(secret.where)})
        if secret.account:
            yield Fact(credential, "unlocks", ids.of("identity", "aws", account.name, secret.account))


COLLECTOR = Collector("cloud", recognise, collect)
