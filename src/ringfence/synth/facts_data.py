"""Facts about storage and data: exports, mounts, folders and who may read them."""

from collections.abc import Iterator

from ringfence.estate.facts import Fact
from ringfence.estate.kinds import EVERYONE
from ringfence.synth import data, layout, say
from ringfence.synth.plan import Cluster, Pipeline, Tenant
from ringfence.synth.say import fact

_WHOLE = {"answered": True, "complete": True}
LINEAGE, MARKS = "lineage/events.ndjson", "inventory-data.toml"


def exports(plan: Cluster) -> Iterator[Fact]:
    """Every export with its server, its clients and its way of believing them."""
    for export in plan.storages:
        entity, source = say.export(export), f"hosts/{export.server}/exports"
        yield fact(entity, "exported_by", say.host(export.server), source)
        yield fact(entity, "asked", "exports", source, _WHOLE)
        rooted = plan.flawed("no_root_squash", export.name)
        for name in data.clients(plan, export):
            to = say.network(name)
            shown: dict[str, str | int | float | bool] = {"mode": "rw", "client": to.partition(":")[2]}
            yield fact(entity, "exported_to", to, source, shown | ({"no_root_squash": True} if rooted else {}))
            if rooted:
                yield fact(entity, "setting", "no_root_squash", source, {"client": to.partition(":")[2]})
        yield fact(entity, "setting", "sec=sys" if data.weak(plan, export) else "sec=krb5p", source)
        yield fact(entity, "setting", "access=rw", source)
        if export.use == "hooks" and plan.flawed("hook_on_writable_path"):
            yield fact(entity, "writable_by", EVERYONE, f"hosts/{export.server}/folders")


def mounts(plan: Cluster) -> Iterator[Fact]:
    """Compute nodes mount their tenant's exports, shared nodes and login nodes those of others too."""
    known: dict[tuple[str, str], list[tuple[str, dict[str, str | int | float | bool]]]] = {}
    for host in plan.hosts:
        if host.role not in data.CAPABLE:
            continue
        room = (host.role, host.partition)  # hosts of one room mount alike
        if room not in known:
            found = data.mounted(plan, host)
            known[room] = [(say.export(each), {"mode": "rw", "path": each.mountpoint}) for each in found]
        entity, source = say.host(host.name), f"hosts/{host.name}/mounts"
        for export, shown in known[room]:
            yield fact(entity, "mounts", export, source, shown)


def folders(plan: Cluster) -> Iterator[Fact]:
    """The datasets, checkpoints and models of every pipeline."""
    groups = {group.name: group for group in plan.tenants}
    for line in plan.pipelines:
        yield from _pipeline(plan, line, groups[line.tenant])
        yield from _made(line)
        tracking = f"service:{layout.tracking(plan.tenants, line.tenant)}/mlflow:5000"
        yield fact(say.model(line), "pulled_from", tracking, MARKS)


def _pipeline(plan: Cluster, line: Pipeline, group: Tenant) -> Iterator[Fact]:
    storage, source = say.storage(group.project), f"hosts/{group.project.partition(':')[0]}/folders"
    top = group.project.partition(":")[2]
    for entity, mode in data.modes(plan, line):
        shown = {"path": data.folder(line, entity, top), "mode": f"{mode:04o}", "owner": line.owner}
        yield fact(entity, "stored_on", storage, source, shown)
        yield fact(entity, "asked", "folders", source, _WHOLE)
        yield fact(entity, "in_tenant", f"tenant:{line.tenant}", MARKS)
        for reader in data.readers(line, mode):
            yield fact(entity, "readable_by", reader, source)
        for writer in data.writers(line, mode):
            yield fact(entity, "writable_by", writer, source)
        yield fact(entity, "has_format", data.form(plan, line, entity), source)
        yield fact(entity, "size_bytes", str(data.size(line, entity)), source)


def _made(line: Pipeline) -> Iterator[Fact]:
    """What was made from what."""
    raw, prepared, *states, model = data.entities(line)
    yield fact(prepared, "part_of", raw, LINEAGE)
    for made in (*states, model):
        yield fact(made, "asked", "lineage", LINEAGE, _WHOLE)
        yield fact(made, "setting", "provenance=named", LINEAGE)
    for state in states:
        yield fact(state, "checkpoint_of", model, LINEAGE)
        yield fact(state, "trained_from", prepared, LINEAGE)
    yield fact(model, "trained_from", prepared, LINEAGE)
