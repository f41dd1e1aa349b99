"""With partitions per tenant a queue leads to the hosts on which some tenant that may use it may start work."""

from collections import defaultdict

from ringfence.estate.facts import Fact
from ringfence.segment.prove.joined.view import View


def changes(view: View) -> tuple[list[Fact], list[Fact]]:
    """(facts taken away, none added): hosts leave the partitions whose tenants are not let on them."""
    hosts: dict[str, set[str]] = defaultdict(set)
    for allow in view.allows:
        for tenant in view.ends(allow.source):
            hosts[tenant].update(view.ends(allow.target))
    users: dict[str, set[str]] = defaultdict(set)
    for fact in view.estate.facts("may_submit"):
        users[fact.object].add(fact.subject)
    removed = []
    for fact in view.estate.facts("in_partition"):
        tenants = users.get(fact.object, set())
        known = tenants and all(tenant.startswith("tenant:") for tenant in tenants)
        if known and not any(fact.subject in hosts[tenant] for tenant in tenants):
            removed.append(fact)
    return removed, []
