"""From the plan to the files that a capture of that cluster would hold, in the tools' own formats."""

import os
from collections.abc import Iterator
from pathlib import Path

from ringfence.synth import (
    captures_data,
    captures_fabric,
    captures_gpu,
    captures_hosts,
    captures_kube,
    captures_redfish,
    captures_slurm,
    data,
)
from ringfence.synth.captures_slurm import File
from ringfence.synth.plan import Cluster


def captures(plan: Cluster, per_class: int | None = 2) -> Iterator[File]:
    """(path, content) of every file, always in the same order.

    `per_class` nodes of each class have the files that are alike within a class, as in a first
    capture of a real cluster; None: all nodes. What each accelerator says of itself is always there.
    """
    chosen = chosen_hosts(plan, per_class)
    yield from captures_hosts.hosts(plan, chosen)
    yield from captures_slurm.slurm(plan)
    yield from captures_fabric.fabric(plan)
    yield from captures_gpu.accelerators(plan, chosen)
    yield from captures_kube.kubernetes(plan)
    yield from captures_data.storage(plan, chosen)
    yield from captures_redfish.controllers(plan, chosen)


def chosen_hosts(plan: Cluster, per_class: int | None) -> frozenset[str]:
    """The first GPU nodes of each class (partition and NVLink domain), all servers, and what differs from its class."""
    seen: dict[tuple[str, str], int] = {}
    chosen = list(data.tenants_services(plan))
    for host in plan.hosts:
        of = (host.partition, host.domain)
        seen[of] = seen.get(of, 0) + 1
        if not host.gpus or per_class is None or seen[of] <= per_class:
            chosen.append(host.name)
    return frozenset(chosen)


def write(plan: Cluster, folder: Path, per_class: int | None = 2) -> tuple[int, int]:
    """Write the captures below `folder`, files 0600. Returns (files, bytes)."""
    files = size = 0
    made: set[Path] = set()
    for name, content in captures(plan, per_class):
        path = folder / name
        if path.parent not in made:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made.add(path.parent)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        files, size = files + 1, size + len(content)
    return files, size
