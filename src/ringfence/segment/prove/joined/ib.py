"""Behind the partition keys every rule is a key of its own; what listened on the old keys listens on the new."""

from collections import defaultdict

from ringfence.estate.facts import Fact
from ringfence.segment.prove.joined.view import View, said


def changes(view: View) -> tuple[list[Fact], list[Fact]]:
    """(facts taken away, facts added). In `A → A` all are full; in `A → B` A is limited, B full."""
    ports = frozenset(port for fabric in view.inventory.fabrics.values() for port in fabric.ports)
    fabric_of = {port: fabric.name for fabric in view.inventory.fabrics.values() for port in fabric.ports}
    held = list(view.about("in_pkey", ports))
    old_keys = frozenset(fact.object for fact in held)
    rdma = _rdma_services(view, old_keys)
    removed = [*held, *(fact for facts in rdma.values() for fact in facts)]
    added = []
    for allow in view.allows:
        ends = dict.fromkeys(view.ends(allow.target), "full")
        for port in view.ends(allow.source):
            ends.setdefault(port, "limited" if allow.source != allow.target else "full")
        keys: dict[str, str] = {}
        for port, membership in ends.items():
            name = fabric_of.get(port, "")
            key = keys.setdefault(name, f"network:ib/{name}/fence/{allow.source}>{allow.target}")
            added.append(said(port, "in_pkey", key, membership=membership))
            host = view.inventory.host_of.get(port, "")
            added += [said(fact.subject, "listens_on", key, membership=membership) for fact in rdma.get(host, ())]
        added += [said(key, "part_of", f"network:ib/{name}", kind="pkey") for name, key in keys.items()]
    return removed, added


def _rdma_services(view: View, keys: frozenset[str]) -> dict[str, list[Fact]]:
    """Host → what its services listen on by partition key."""
    host_of = {fact.subject: fact.object for fact in view.estate.facts("runs_on")}
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in view.estate.facts("listens_on"):
        if fact.object in keys and fact.subject in host_of:
            found[host_of[fact.subject]].append(fact)
    return found
