"""What others keep in force, written again in each target's own language from what the estate remembers of it.

An estate keeps meaning, not files: clients, modes, flavours, squashing. Options that say nothing about who may do what
(`async`, `fsid`) are lost, so whoever applies a fence reads the real file first (`ringfence collect`, `fence status`).
"""

from collections.abc import Mapping
from typing import Any

from ringfence.segment.clusters import is_node
from ringfence.segment.scene import Scene
from ringfence.segment.seen import starting
from ringfence.wire.slurm import hostlist


def standing(scene: Scene) -> dict[str, dict[str, str]]:
    """Target → server or cluster → text, for `Inventory.there`."""
    return {"exports": _exports(scene), "slurm": _partitions(scene)}


def _exports(scene: Scene) -> dict[str, str]:
    """Server → lines of exports(5)."""
    clients: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for storage, to, shown in scene.seen.rows("exported_to"):
        spec = str(shown.get("client", "")) or to.partition(":")[2]
        clients.setdefault(storage, []).append((spec, shown))
    lines: dict[str, set[str]] = {}
    for storage, found in clients.items():
        server, path = storage.split(":", 2)[1:] if storage.count(":") > 1 else ("", "")
        for host in starting(scene.seen.objects(storage, "exported_by"), "host"):
            if path.startswith("/") and host == f"host:{server}":
                said = _flavours(scene, storage)
                each = sorted(
                    {f"{spec}({','.join([*_rights(shown), *said])})" for spec, shown in found if _plain(spec)}
                )
                lines.setdefault(host, set()).add(f"{_escaped(path)} {' '.join(each)}\n")
    return {host: "".join(sorted(lines[host])) for host in sorted(lines)}


def _rights(shown: Mapping[str, Any]) -> list[str]:
    squash = ["no_root_squash"] if shown.get("no_root_squash") is True else []
    return ["ro" if shown.get("mode") == "ro" else "rw", *squash]


def _flavours(scene: Scene, storage: str) -> list[str]:
    """`sec=krb5p:krb5i`; what the estate says of the export, it says of all its clients."""
    prefix = "sec="
    found = sorted(
        {one.removeprefix(prefix) for one in scene.seen.objects(storage, "setting") if one.startswith(prefix)}
    )
    return [prefix + ":".join(found)] if found else []


def _plain(spec: str) -> bool:
    return bool(spec) and not any(mark in spec for mark in " \t\n()")


def _escaped(path: str) -> str:
    return "".join(f"\\{ord(letter):03o}" if letter in ' \t\n"\\#' else letter for letter in path)


def _partitions(scene: Scene) -> dict[str, str]:
    """Cluster → records of `scontrol show partition`; partitions whose sharing nobody told are left out."""
    found: dict[str, list[str]] = {}
    for partition in sorted(name for name in scene.seen.of("in_cluster") if name.startswith("partition:")):
        told = scene.seen.settings(partition)
        hosts = starting(scene.seen.subjects("in_partition", partition), "host")
        nodes = [node for one in hosts if is_node(node := one.partition(":")[2])]
        if nodes and "OverSubscribe" in told:
            exclusive = "YES" if told.get("nodes") == "exclusive" else "NO"
            who = [one.partition(":")[2] for one in starting(scene.seen.subjects("may_submit", partition), "tenant")]
            found.setdefault(scene.seen.first(partition, "in_cluster"), []).append(
                f"PartitionName={partition.rpartition('/')[2]}\n"
                f"   AllowAccounts={','.join(who) or 'ALL'}\n"
                f"   ExclusiveUser={exclusive} OverSubscribe={told['OverSubscribe']}\n"
                f"   Nodes={hostlist.fold(nodes)}\n"
            )
    return {cluster: "\n".join(texts) for cluster, texts in sorted(found.items())}
