"""Facts about storage and data: exports, mounts, folders and who may read them."""

from collections.abc import Iterator

from ringfence.estate.facts import Fact
from ringfence.estate.kinds import EVERYONE
from ringfence.synth import say
from ringfence.synth.plan import Cluster, Pipeline, Storage, Tenant
from ringfence.synth.say import fact

EXPORTS, FOLDERS, LINEAGE = "storage/exports", "storage/folders.txt", "lineage/events.ndjson"


def exports(plan: Cluster) -> Iterator[Fact]:
    """Every export with its server, its clients and its way of believing them."""
    for export in plan.storages:
        entity, source = say.export(export), f"hosts/{export.server}/exports"
        yield fact(entity, "exported_by", say.host(export.server), source)
        yield fact(entity, "exported_to", say.network("storage"), source, {"mode": "rw"})
        weak = export.use == "hooks" or plan.flawed("sec_sys", export.name)
        yield fact(entity, "setting", "sec=sys" if weak else "sec=krb5p", source)
        squash = "no_root_squash" if plan.flawed("no_root_squash", export.name) else "root_squash"
        yield fact(entity, "setting", squash, source)


def mounts(plan: Cluster) -> Iterator[Fact]:
    """Compute nodes mount their tenant's exports, shared nodes and login nodes those of all."""
    by_name = {export.name: export for export in plan.storages}
    every = [export for export in plan.storages if export.use != "hooks"]
    own = {group.name: [by_name[group.home], by_name[group.project]] for group in plan.tenants}
    hooks = next(export for export in plan.storages if export.use == "hooks")
    for host in plan.hosts:
        if not host.gpus and host.role != "login":
            continue
        if host.partition == "kube":
            found: list[Storage] = []
        else:
            found = [*(own[host.tenant] if host.tenant else every), hooks]
        entity, source = say.host(host.name), f"hosts/{host.name}/mounts"
        for export in found:
            yield fact(entity, "mounts", say.export(export), source, {"mode": "rw", "path": export.mountpoint})


def data(plan: Cluster) -> Iterator[Fact]:
    """The datasets, checkpoints and models of every pipeline."""
    groups = {group.name: group for group in plan.tenants}
    for line in plan.pipelines:
        yield from _pipeline(plan, line, groups[line.tenant])


def _pipeline(plan: Cluster, line: Pipeline, group: Tenant) -> Iterator[Fact]:
    storage, tenant = say.storage(group.project), f"tenant:{line.tenant}"
    owner, members = say.identity(line.owner), f"identity:group/{line.tenant}"
    raw, prepared, model = say.dataset(line, "raw"), say.dataset(line, "prepared"), say.model(line)
    states = [say.checkpoint(line, number) for number in range(1, line.checkpoints + 1)]
    for entity in (raw, prepared, *states, model):
        kind = entity.partition(":")[0]
        readers, writers = {owner}, {owner}
        mode = "0700"
        if kind == "dataset":
            readers, mode = {owner, members}, "0750"
            if plan.flawed("dataset_writable", line.name):
                writers, mode = {owner, members}, "0770"
        elif kind == "checkpoint" and plan.flawed("checkpoint_world_readable", line.name):
            readers, mode = {owner, EVERYONE}, "0705"
        elif kind == "checkpoint" and plan.flawed("checkpoint_group_readable", line.name):
            readers, mode = {owner, members}, "0750"
        path = f"{group.project.partition(':')[2]}/{line.name}/{entity.partition(':')[2]}"
        yield fact(entity, "stored_on", storage, FOLDERS, {"path": path, "mode": mode, "owner": line.owner})
        yield fact(entity, "in_tenant", tenant, FOLDERS)
        for reader in sorted(readers):
            yield fact(entity, "readable_by", reader, FOLDERS)
        for writer in sorted(writers):
            yield fact(entity, "writable_by", writer, FOLDERS)
    yield from _made(plan, line, raw, prepared, states, model)


def _made(plan: Cluster, line: Pipeline, raw: str, prepared: str, states: list[str], model: str) -> Iterator[Fact]:
    pickled = plan.flawed("checkpoint_pickle", line.name)
    yield fact(prepared, "part_of", raw, LINEAGE)
    for entity, form, size in (
        (raw, "parquet", 40 * line.model_bytes),
        (prepared, "parquet", 10 * line.model_bytes),
        *((state, "pickle" if pickled else "safetensors", 7 * line.model_bytes) for state in states),
        (model, "safetensors", line.model_bytes),
    ):
        yield fact(entity, "has_format", form, FOLDERS)
        yield fact(entity, "size_bytes", str(size), FOLDERS)
    for state in states:
        yield fact(state, "checkpoint_of", model, LINEAGE)
        yield fact(state, "trained_from", prepared, LINEAGE)
    yield fact(model, "trained_from", prepared, LINEAGE)
