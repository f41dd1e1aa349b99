"""Where the programs that Slurm runs as root really lie: `hook=/path` settings joined with mounts.

A path says nothing by itself; on a cluster whose nodes mount that folder, whoever can write the
storage writes what root runs. So this looks at the facts of all families, after they are collected.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ringfence.estate.facts import Fact

_STATE = "StateSaveLocation"


def on_storage(facts: Sequence[Fact]) -> Iterator[Fact]:
    """`root_runs_from` cluster → storage, with path and hook, for every hook that lies on a mount of the
    cluster's hosts. A hook on the hosts' own disks gives none.
    """
    hooks = _hooks(facts)
    if not hooks:
        return
    tables = _mounts(facts, _members(facts, hooks))
    for cluster, found in hooks.items():
        for (hook, path), fact in found.items():
            storage = _holding(tables.get(cluster, {}), path)
            if storage:
                told = {"path": path, "hook": hook}
                yield Fact(cluster, "root_runs_from", storage, told, fact.source, fact.observed_at)


def _hooks(facts: Iterable[Fact]) -> dict[str, dict[tuple[str, str], Fact]]:
    """cluster → (setting, path) → the fact that says so."""
    hooks: dict[str, dict[tuple[str, str], Fact]] = defaultdict(dict)
    for fact in facts:
        if fact.predicate == "setting" and fact.subject.startswith("cluster:"):
            name, _, path = fact.object.partition("=")
            if path.startswith("/") and name in ("hook", _STATE):
                hooks[fact.subject].setdefault((str(fact.attributes.get("hook", _STATE)), path), fact)
    return hooks


def _members(facts: Iterable[Fact], clusters: Iterable[str]) -> dict[str, set[str]]:
    """host → its clusters, of those named."""
    wanted = set(clusters)
    members: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        if fact.predicate in ("in_cluster", "controls") and fact.object in wanted and fact.subject.startswith("host:"):
            members[fact.subject].add(fact.object)
    return members


def _mounts(facts: Iterable[Fact], members: dict[str, set[str]]) -> dict[str, dict[str, str]]:
    """cluster → mountpoint → storage, over all its hosts."""
    tables: dict[str, dict[str, str]] = defaultdict(dict)
    for fact in facts:
        path = fact.attributes.get("path")
        if fact.predicate == "mounts" and fact.subject in members and isinstance(path, str) and path.startswith("/"):
            for cluster in members[fact.subject]:
                tables[cluster][path.rstrip("/") or "/"] = fact.object
    return tables


def _holding(mounts: dict[str, str], path: str) -> str:
    """The storage of the innermost mount above `path`."""
    while path:
        path = path.rpartition("/")[0]
        if (path or "/") in mounts:
            return mounts[path or "/"]
    return ""
