"""Where flows go: the addresses of a world's hosts, and those of services outside.

Outside addresses are of 11.0.0.0/8: routable by form, so that nothing takes them for private, and in no one's use on
the public Internet; their names end in `.example`.
"""

from collections.abc import Mapping, Sequence

import msgspec

from ringfence.synth import data, layout
from ringfence.synth.plan import address, desk
from ringfence.synth.telemetry.world import World

OUTSIDE: Mapping[str, tuple[str, int, tuple[str, ...]]] = {
    "objects": ("objects.store.example", 443, ("11.20.4.10", "11.20.4.11", "11.20.4.12", "11.20.4.13")),
    "packages": ("packages.mirror.example", 443, ("11.31.7.20", "11.31.7.21", "11.31.7.22")),
    "hub": ("hub.models.example", 443, ("11.42.1.5", "11.42.1.6")),
    "metrics": ("metrics.runs.example", 443, ("11.53.9.40", "11.53.9.41")),
    "code": ("code.forge.example", 443, ("11.64.2.8", "11.64.2.9")),
    "clock": ("time.pool.example", 123, ("11.75.0.1", "11.75.0.2")),
    "vault": ("vault.backup.example", 443, ("11.86.3.3",)),
}
"""Services outside that are in use: name, port, addresses."""


class Places(msgspec.Struct, frozen=True):
    """All addresses that flows have, and where each thing's is among them."""

    addresses: tuple[str, ...]
    first_on_storage: int
    outside: Mapping[str, tuple[int, int]]
    home: Mapping[tuple[str, str], int]
    project: Mapping[str, int]
    tracking: Mapping[str, int]
    seats: Mapping[str, str]

    def on_storage(self, host: int) -> int:
        """The place of a host's address on its tenant's storage network."""
        return self.first_on_storage + host


def places(world: World) -> Places:
    """Every address in use, each once."""
    plan = world.plan
    known = list(world.addresses)
    first = len(known)
    for host, plain in zip(plan.hosts, world.addresses, strict=True):
        nets = [one.network for one in data.ipoib_of(plan, host)]
        known.append(address(host, nets[0]) if nets else plain)
    outside = {}
    for name, (_, _, those) in OUTSIDE.items():
        outside[name] = (len(known), len(those))
        known.extend(those)
    home: dict[tuple[str, str], int] = {}
    project: dict[str, int] = {}
    tracking: dict[str, int] = {}
    hosts = {host.name: host for host in plan.hosts}

    def add(found: str) -> int:
        known.append(found)
        return len(known) - 1

    for group in plan.tenants:
        net = f"storage-{group.name}"
        for of, export in (("home", group.home), ("project", group.project)):
            server = hosts[export.partition(":")[0]]
            place = add(address(server, net))
            if of == "home":
                home[(group.name, "")] = place
            else:
                project[group.name] = place
        tracking[group.name] = add(address(hosts[layout.tracking(plan.tenants, group.name)], net))
    seats = {user.name: desk(user) for user in plan.users if user.workstation}
    return Places(tuple(known), first, outside, home, project, tracking, seats)


def folder(world: World, pipeline: int, entity: str) -> str:
    """The folder of a pipeline's data as its tenant's nodes see it."""
    line = world.plan.pipelines[pipeline]
    group = next(group for group in world.plan.tenants if group.name == line.tenant)
    return data.folder(line, entity, group.project.partition(":")[2].removeprefix("/export"))


def shards(size: int) -> int:
    """How many files something of this size lies in: about 4 GB each, 1 to 512."""
    return max(1, min(512, size // 4_000_000_000))


def named(entity: str, number: int, count: int, ending: str = "safetensors") -> str:
    """A shard's name, as its kind of data has it."""
    if entity.startswith("dataset:"):
        return f"part-{number + 1:05d}-of-{count:05d}.parquet"
    return f"model-{number + 1:05d}-of-{count:05d}.{ending}"


def chosen(values: Sequence[str], number: int) -> str:
    """One of some values, by any number."""
    return values[number % len(values)]
