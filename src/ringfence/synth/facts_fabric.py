"""Facts about the InfiniBand fabric: ports, partition keys, subnet managers, cables."""

from collections.abc import Iterator

from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.synth import data, say
from ringfence.synth.plan import DEFAULT_KEY, Cluster, Host, address, port_guid
from ringfence.synth.say import fact

DISCOVER, KEYS = "fabric/ibnetdiscover.txt", "fabric/pkeys.txt"


def on_fabric(plan: Cluster) -> tuple[Host, ...]:
    """The hosts with InfiniBand ports."""
    return plan.of_role("hgx", "nvl", "storage", "tracking", "sm", "login")


def fabric(plan: Cluster) -> Iterator[Fact]:
    """Ports and the keys they hold: everyone in the default key, tenants' nodes in their own."""
    whole = ids.fabric(plan.name)
    default = ids.pkey(plan.name, DEFAULT_KEY)
    keys = {group.name: ids.pkey(plan.name, group.pkey) for group in plan.tenants}
    yield fact(default, "part_of", whole, KEYS, {"kind": "pkey"})
    for group in plan.tenants:
        yield fact(keys[group.name], "part_of", whole, KEYS, {"kind": "pkey"})
        yield fact(keys[group.name], "in_tenant", f"tenant:{group.name}", "inventory.ndjson")
    for host in on_fabric(plan):
        subject = say.host(host.name)
        membership = "full" if data.full_by_default(plan, host) else "limited"
        own = [keys[host.tenant]] if host.tenant else [keys[name] for name in data.served(plan, host)]
        for port in range(1, host.ports + 1):
            entity = ids.ibport(port_guid(host, port))
            yield fact(subject, "has_port", entity, DISCOVER, {"device": f"mlx5_{port - 1}", "port": 1})
            yield fact(entity, "on_fabric", whole, DISCOVER, {"link_layer": "InfiniBand"})
            yield fact(entity, "in_pkey", default, KEYS, {"membership": membership})
            for key in own:
                yield fact(entity, "in_pkey", key, KEYS, {"membership": "full"})
        yield from _ipoib(plan, host, subject)
    for manager, state in zip(plan.of_role("sm"), ("master", "standby"), strict=False):
        yield fact(whole, "sm_on", say.host(manager.name), "fabric/sminfo.txt", {"state": state, "priority": 14})
    key = "default" if plan.flawed("sm_key_default") else "set"
    m_key, guids = ("0", "any") if plan.flawed("m_key_zero") else ("set", "listed")
    for setting in (f"sm_key={key}", f"sa_key={key}", f"m_key={m_key}", f"allowed_sm_guids={guids}"):
        yield fact(whole, "setting", setting, "fabric/opensm.conf")
    yield fact(whole, "setting", "partitions_conf=in-force", "fabric/partitions.conf")


def _ipoib(plan: Cluster, host: Host, subject: str) -> Iterator[Fact]:
    for each in data.ipoib_of(plan, host):
        subnet, source = say.network(each.network), f"hosts/{host.name}/ipoib.json"
        yield fact(subnet, "part_of", ids.pkey(plan.name, each.pkey), source, {"link_layer": "InfiniBand"})
        membership = "full" if each.full else "limited"
        place = address(host, each.network)
        yield fact(subject, "attached_to", subnet, source, {"membership": membership, "address": place})
