"""Slurm's accounting → facts: who charges which account, who runs the accounts, what was used."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ringfence.collect.slurm_state import Place
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.wire.slurm.values import Association, Person, Usage


def associations(rows: Iterable[Association], place: Place) -> Iterator[Fact]:
    """Users with their accounts; an association for one partition is leave to submit to it."""
    for row in rows:
        cluster = ids.clean(row.cluster) or place.cluster
        if not row.user:
            continue
        user = ids.of("identity", row.user)
        yield Fact(user, "in_cluster", ids.of("cluster", cluster))
        if row.account:
            yield Fact(user, "in_tenant", ids.of("tenant", row.account))
        if row.partition:
            yield Fact(user, "may_submit", ids.of("partition", cluster, row.partition))


def people(rows: Iterable[Person], place: Place, parents: Sequence[tuple[str, str]]) -> Iterator[Fact]:
    """Operators, administrators, and coordinators of accounts with all accounts below them."""
    children: dict[str, list[str]] = defaultdict(list)
    for account, parent in parents:
        children[parent].append(account)
    for row in rows:
        user = ids.of("identity", row.name)
        if row.level != "none":
            yield Fact(user, "operates", place.entity, {"level": row.level})
        for account in _below(row.coordinates, children):
            yield Fact(user, "coordinates", ids.of("tenant", account))


def _below(accounts: Sequence[str], children: dict[str, list[str]]) -> list[str]:
    found: dict[str, None] = {}
    left = list(accounts)
    while left:
        account = left.pop()
        if account not in found:
            found[account] = None
            left.extend(children.get(account, ()))
    return sorted(found)


def usage(rows: Iterable[Usage], place: Place) -> Iterator[Fact]:
    """Accelerator hours: a row without a user is its account's total, the root account's is the cluster's."""
    for row in rows:
        hours = f"{row.gpu_hours:.2f}"
        span: dict[str, str | int | float | bool] = {}
        for name, value in (("since", row.since), ("until", row.until), ("account", row.account if row.user else "")):
            if value:
                span[name] = ids.clean(value)
        if row.user:
            subject = ids.of("identity", row.user)
        elif row.account == "root":
            subject = ids.of("cluster", ids.clean(row.cluster) or place.cluster)
        else:
            subject = ids.of("tenant", row.account)
        yield Fact(subject, "used_gpu_hours", hours, span)
