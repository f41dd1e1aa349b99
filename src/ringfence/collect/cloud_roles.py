"""Cloud roles → facts: which machine holds which, who may become it, what it may do to what."""

from collections.abc import Iterator

from ringfence.collect.buckets import principal
from ringfence.collect.cloud_account import Account
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import EVERYONE
from ringfence.wire.cloud import policy
from ringfence.wire.cloud.model import Machine, Role, Statement

_TOLD = ("ssm:SendCommand", "ssm:StartSession")
_LAUNCH = ("ec2:RunInstances", "iam:PassRole")


def facts(account: Account) -> Iterator[Fact]:
    """Facts of instance profiles, roles and the buckets that they name."""
    for machine in account.machines.values():
        yield from _metadata(account, machine)
    everywhere = ids.storage("aws", f"{account.name}/s3")
    named: set[str] = set(account.buckets)
    for role in account.roles.values():
        entity = principal(role.arn)
        yield Fact(entity, "setting", "cloud=aws")
        yield Fact(entity, "scoped_to", account.cluster)
        yield from _trust(role, entity)
        yield from _permits(role, entity)
        for statement in role.statements:
            yield from _buckets(statement, entity, everywhere, named)
    for bucket in sorted(named):
        yield Fact(ids.storage("s3", bucket), "setting", "kind=bucket")
        yield Fact(ids.storage("s3", bucket), "part_of", everywhere)
    if account.roles:
        yield Fact(everywhere, "setting", "kind=bucket")


def _metadata(account: Account, machine: Machine) -> Iterator[Fact]:
    """The role of an instance is given to whoever can ask its metadata service, which has no accounts."""
    host, role = account.host(machine), account.role(machine.profile)
    if role:
        yield Fact(host, "holds_role", role)
    if machine.metadata:
        yield Fact(host, "setting", "imds=on", {"version": "2" if machine.tokens_required else "1"})
        if not machine.tokens_required or machine.hops > 1:
            # version 1 knows no hop limit; with version 2 an answer must survive the container's own hop
            yield Fact(host, "setting", "imds=containers", {"hops": machine.hops})


def _trust(role: Role, entity: str) -> Iterator[Fact]:
    for who in role.trusted:
        if who == "*":
            yield Fact(EVERYONE, "assumes", entity)
        elif who == "ec2.amazonaws.com":
            yield Fact(entity, "setting", "trusts=ec2")
        elif who.startswith("arn:") or who.isdigit():
            yield Fact(principal(who), "assumes", entity)


def _permits(role: Role, entity: str) -> Iterator[Fact]:
    wide = [each for each in role.statements if not each.conditional and "*" in each.resources]
    actions = tuple(action for each in wide for action in each.actions)
    if "*" in actions:
        yield Fact(entity, "permits", "* *")
    for action in _TOLD:
        if policy.grants(actions, action):
            yield Fact(entity, "permits", f"{action} *")
    if all(policy.grants(actions, action) for action in _LAUNCH):
        yield Fact(entity, "permits", "ec2:RunInstances+iam:PassRole *")


def _buckets(statement: Statement, entity: str, everywhere: str, named: set[str]) -> Iterator[Fact]:
    """A right over all buckets goes to one place for all of them, so that roles × buckets stays small."""
    reads = policy.grants(statement.actions, "s3:GetObject")
    writes = policy.grants(statement.actions, "s3:PutObject")
    if not (reads or writes):
        return
    for resource in statement.resources:
        bucket = resource.rpartition(":::")[2].partition("/")[0]
        if "*" in bucket or not bucket:
            target = everywhere
        else:
            named.add(bucket)
            target = ids.storage("s3", bucket)
        if reads:
            yield Fact(target, "readable_by", entity)
        if writes:
            yield Fact(target, "writable_by", entity)
