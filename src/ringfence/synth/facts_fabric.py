"""Facts about the InfiniBand fabric: ports, partition keys, subnet managers, cables."""

from collections.abc import Iterator

from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.synth import say
from ringfence.synth.plan import Cluster, Host, port_guid
from ringfence.synth.say import fact

DEFAULT_KEY = 0x7FFF
DISCOVER, KEYS = "fabric/ibnetdiscover.txt", "fabric/pkeys.txt"


def on_fabric(plan: Cluster) -> tuple[Host, ...]:
    """The hosts with InfiniBand ports."""
    return plan.of_role("hgx", "nvl", "storage", "sm", "login")


def fabric(plan: Cluster) -> Iterator[Fact]:
    """Ports and the keys they hold: everyone in the default key, tenants' nodes in their own."""
    whole = ids.fabric(plan.name)
    default = ids.pkey(plan.name, DEFAULT_KEY)
    keys = {group.name: ids.pkey(plan.name, group.pkey) for group in plan.tenants}
    full = plan.flawed("default_pkey_full")
    yield fact(default, "part_of", whole, KEYS)
    for group in plan.tenants:
        yield fact(keys[group.name], "part_of", whole, KEYS)
        yield fact(keys[group.name], "in_tenant", f"tenant:{group.name}", "inventory.toml")
    for host in on_fabric(plan):
        subject, central = say.host(host.name), host.role in ("storage", "sm")
        membership = "full" if full or central else "limited"
        for port in range(1, host.ports + 1):
            entity = ids.ibport(port_guid(host, port))
            yield fact(subject, "has_port", entity, DISCOVER, {"device": f"mlx5_{port - 1}", "port": 1})
            yield fact(entity, "on_fabric", whole, DISCOVER)
            yield fact(entity, "in_pkey", default, KEYS, {"membership": membership})
            if host.tenant:
                yield fact(entity, "in_pkey", keys[host.tenant], KEYS, {"membership": "full"})
    for manager, state in zip(plan.of_role("sm"), ("master", "standby"), strict=False):
        yield fact(whole, "sm_on", say.host(manager.name), "fabric/sminfo.txt", {"state": state, "priority": 14})
    key = "default" if plan.flawed("sm_key_default") else "set"
    for setting in (f"sm_key={key}", f"sa_key={key}", "m_key=0", "m_key_protection_level=0"):
        yield fact(whole, "setting", setting, "fabric/opensm.conf")
    yield fact(whole, "setting", "partitions_conf=in-force", "fabric/partitions.conf")
