"""What the beginning, the saving and the end of a job look like to everyone who sees it."""

from collections.abc import Iterator

from ringfence.synth import say
from ringfence.synth.plan import Pipeline
from ringfence.synth.telemetry import places
from ringfence.synth.telemetry.block import SENSOR, Row, Value
from ringfence.synth.telemetry.noise import dice
from ringfence.synth.telemetry.phases import EVALUATED_EVERY
from ringfence.synth.telemetry.schedule import Run
from ringfence.synth.telemetry.world import World, micro
from ringfence.wire.ocsf import classes

_KEPT = 3
"""How many checkpoints of a run are kept; older ones are deleted by its first rank."""


def stories(world: World, begin: int, end: int, told: frozenset[int]) -> Iterator[Row]:
    """Everything of the runs that start, save or end in these seconds."""
    for at, run in enumerate(world.runs):
        if run.submitted < end and run.end >= begin - 120:
            yield from _scheduler(world, run, begin, end)
            if not told.isdisjoint(run.hosts):
                yield from _hosts(world, at, run, begin, end, told)


def _scheduler(world: World, run: Run, begin: int, end: int) -> Iterator[Row]:
    """The controller's word on Slurm's jobs. The first event of a run lies up to two seconds before its samples."""
    if not run.uid.startswith("job:"):
        return
    rng = dice(world.seed, run.uid, run.start, "scheduler")
    asked = max(run.submitted, 0.0)
    began, ended = run.start - 2 * rng.random(), run.end - 2 * rng.random()
    if begin <= asked < end and asked < run.start:
        yield _job(world, run, 1, asked, {"job.state": "PENDING", "actor.user.name": run.user})
    if begin <= run.start < end:
        names = ",".join(world.names[host] for host in run.hosts)
        yield _job(world, run, 2, max(began, 0.0), {"job.state": "RUNNING", "job.hosts": names})
    if begin <= run.end < end:
        state = "COMPLETED" if run.state == "REQUEUED" else run.state
        activity = {"REQUEUED": 4, "CANCELLED": 5}.get(run.state, 3)
        code = {"COMPLETED": 0, "CANCELLED": 15, "TIMEOUT": 15}.get(run.state, rng.choice((1, 1, 2, 137, 139)))
        state = "REQUEUED" if run.state == "REQUEUED" else state
        fields: dict[str, Value] = {"job.state": state, "job.exit_code": code}
        if run.state == "CANCELLED":
            fields["actor.user.name"] = run.user
        yield _job(world, run, activity, ended, fields)


def _job(world: World, run: Run, activity: int, when: float, more: dict[str, Value]) -> Row:
    fields: dict[str, Value] = {
        "job.uid": run.uid,
        "job.name": run.name,
        "job.user": run.user,
        "job.account": run.tenant,
        "job.partition": run.partition,
        "job.nodes": len(run.hosts),
        "job.gpus": 0 if run.kind == "cpu" else len(run.hosts) * run.gpus,
        "job.kind": run.declared or run.kind,
        "job.command": f"/home/{run.tenant}/{run.user}/{run.name}.sbatch",
    }
    server = world.of_role("scheduler")[0]
    return Row(micro(when), server, SENSOR["slurm"], classes.JOB, activity, fields | more)


def _hosts(world: World, at: int, run: Run, begin: int, end: int, told: frozenset[int]) -> Iterator[Row]:
    starts, ends = begin <= run.start < end, begin <= run.end < end
    saves = list(_saves(run, begin, end))
    for rank, host in enumerate(run.hosts):
        if host not in told:
            continue
        if starts:
            yield from _start(world, run, rank, host)
        for number, when in saves:
            yield from _save(world, run, rank, host, number, when)
        if ends:
            yield from _end(world, run, host)


def program(run: Run) -> str:
    """What a job runs."""
    return {"infer": "tritonserver", "cpu": "make", "interactive": "bash"}.get(run.kind, "python3")


def _start(world: World, run: Run, rank: int, host: int) -> Iterator[Row]:
    rng = dice(world.seed, run.uid, run.start, host)
    when = run.start + 0.5 + rng.random()
    pid = rng.randrange(10_000, 4_000_000)
    said: dict[str, Value] = {"job.uid": run.uid, "process.user.name": run.user, "actor.user.name": run.user}
    step = "slurmstepd" if run.uid.startswith("job:") else "containerd-shim"
    cgroup = f"/slurm/uid_{run.user}/job_{run.uid.rpartition('/')[2]}" if step == "slurmstepd" else "/kubepods"
    name = program(run)
    for late, (child, command, parent) in enumerate(_commands(run, rank, name, step)):
        fields = said | {
            "process.pid": pid + late,
            "process.name": child,
            "process.file.path": f"/usr/bin/{child}",
            "process.cmd_line": command,
            "process.cgroup": cgroup,
            "actor.process.name": parent,
        }
        yield Row(micro(when + 0.3 * late), host, SENSOR["processes"], classes.PROCESS, 1, fields)
    if run.image:
        yield _pull(world, run, host, when, rng.randrange(10_000_000, 9_000_000_000))
    if run.kind != "cpu":
        for gpu in range(run.first, run.first + run.gpus):
            yield _context(world, run, host, gpu, when + 4 + 3 * rng.random(), 2, pid + 10 + gpu, name)
    yield from _network(world, run, rank, host, when + 8)
    yield from _loads(world, run, rank, host, when + 10)


def _commands(run: Run, rank: int, name: str, step: str) -> list[tuple[str, str, str]]:
    """(program, command line, parent) in order."""
    if run.kind == "interactive":
        return [("bash", "/bin/bash -l", step)]
    if run.kind == "infer":
        return [(name, f"tritonserver --model-repository=/models/{run.name}", step)]
    first = [("bash", f"/bin/bash {run.name}.sbatch", step)] if rank == 0 else []
    if run.kind == "cpu":
        return [*first, ("make", "make -j 32", "bash")]
    script = {"train": "train.py", "evaluate": "evaluate.py"}.get(run.kind, "prepare.py")
    workers = ("python3", f"python3 {script} --config {run.name}.yaml", "torchrun")
    launcher = ("torchrun", f"torchrun --nnodes={len(run.hosts)} --nproc-per-node={run.gpus} {script}", step)
    return [*first, launcher, workers]


def _pull(world: World, run: Run, host: int, when: float, size: int) -> Row:
    server = world.of_role("registry")[0]
    fields: dict[str, Value] = {
        "src_endpoint.ip": world.addresses[host],
        "dst_endpoint.ip": world.addresses[server],
        "dst_endpoint.port": 5000,
        "connection_info.protocol_name": "tcp",
        "connection_info.direction": "outbound",
        "traffic.bytes_out": 40_000 + size // 2000,
        "traffic.bytes_in": size,
        "actor.process.name": "enroot" if run.uid.startswith("job:") else "containerd",
        "actor.user.name": run.user if run.uid.startswith("job:") else "root",
        "job.uid": run.uid,
    }
    return Row(micro(when + 5), host, SENSOR["sockets"], classes.NETWORK, 2, fields)


def _context(world: World, run: Run, host: int, gpu: int, when: float, activity: int, pid: int, name: str) -> Row:
    fields: dict[str, Value] = {
        "gpu.uuid": world.uuids[host][gpu],
        "gpu.index": gpu,
        "process.pid": pid,
        "process.name": name,
        "process.user.name": run.user,
        "job.uid": run.uid,
    }
    return Row(micro(when), host, SENSOR["gpu"], classes.GPU, activity, fields)


def _network(world: World, run: Run, rank: int, host: int, when: float) -> Iterator[Row]:
    """Ranks meet: a ring over TCP, queue pairs on every rail."""
    if len(run.hosts) < 2:
        return
    after = run.hosts[(rank + 1) % len(run.hosts)]
    for port in (29500, 45123):
        to = run.hosts[0] if port == 29500 else after
        if to != host:
            fields: dict[str, Value] = {
                "src_endpoint.ip": world.addresses[host],
                "dst_endpoint.ip": world.addresses[to],
                "dst_endpoint.port": port,
                "connection_info.protocol_name": "tcp",
                "connection_info.direction": "outbound",
                "traffic.bytes_out": 1800,
                "traffic.bytes_in": 1600,
                "actor.process.name": "python3",
                "actor.user.name": run.user,
                "job.uid": run.uid,
            }
            yield Row(micro(when), host, SENSOR["sockets"], classes.NETWORK, 1 if port == 29500 else 2, fields)
    rails = min(int(world.ports[host]), int(world.ports[after]))
    for rail in range(1, rails + 1):
        shown: dict[str, Value] = {
            "rdma.qpn": 1000 + dice(run.uid, host, rail).randrange(1 << 20),
            "rdma.type": "RC",
            "rdma.state": "RTS",
            "rdma.peer": f"ibport:{world.guid(after, rail)}",
            "rdma.memory": 1 << 31,
            "ib.device": f"mlx5_{rail - 1}",
            "ib.guid": world.guid(host, rail),
            "actor.process.name": "python3",
            "actor.user.name": run.user,
            "job.uid": run.uid,
        }
        yield Row(micro(when + 2 + rail * 0.01), host, SENSOR["ports"], classes.RDMA, 1, shown)


def _loads(world: World, run: Run, rank: int, host: int, when: float) -> Iterator[Row]:
    """What a job reads before its first step: a rank its share of the state, others the model or the state whole."""
    line = world.plan.pipelines[run.pipeline]
    if run.kind in ("train", "evaluate"):
        entity = say.checkpoint(line, line.checkpoints)
    elif run.kind == "infer":
        entity = say.model(line)
    else:
        return
    size = line.model_bytes * (7 if entity.startswith("checkpoint:") else 1)
    many = places.shards(size)
    whole = run.kind != "train"
    mine = range(many) if whole else range(rank, many, len(run.hosts))
    if len(mine) > 24:  # many small reads of one file are one event; so are neighbours beyond these
        mine = mine[:: -(-len(mine) // 24)]
    top = places.folder(world, run.pipeline, entity)
    step = max(1.0, run.load / (len(mine) + 1))
    for turn, number in enumerate(mine):
        path = f"{top}/{places.named(entity, number, many)}"
        for late, activity in ((0.0, 14), (step * 0.8, 2)):
            size_read = size // many if activity == 2 else 0
            yield file_row(host, when + turn * step + late, activity, path, entity, size_read, program(run), run)


def file_row(
    host: int, when: float, activity: int, path: str, entity: str, size: int, name: str, run: Run | None, user: str = ""
) -> Row:
    """An event of a watched file."""
    fields: dict[str, Value] = {
        "file.path": path,
        "file.bytes": size,
        "actor.process.name": name,
        "actor.user.name": run.user if run else user,
    }
    fields |= {"file.data": entity} if entity else {}
    fields |= {"job.uid": run.uid} if run else {}
    return Row(micro(when), host, SENSOR["files"], classes.FILE, activity, fields)


def _saves(run: Run, begin: int, end: int) -> Iterator[tuple[int, float]]:
    """(number, second) of the checkpoints of a training run that are begun in these seconds."""
    if run.kind != "train":
        return
    period, saving = run.checkpoint
    first = run.start + run.load + period - saving
    number = max(0, -(-(begin - first) // period))
    while first + number * period < min(end, run.end - saving):
        yield number + 1, first + number * period
        number += 1


def saved_at(world: World, run: Run, number: int) -> tuple[str, str]:
    """(entity, folder) of a run's checkpoint by its number, from 1; they go on from those that the estate knows."""
    line = world.plan.pipelines[run.pipeline]
    name = f"{line.name}-{run.uid.rpartition('/')[2]}-step{number:03d}000"
    top = places.folder(world, run.pipeline, say.checkpoint(line, 1)).rpartition("/")[0]
    return f"checkpoint:{name}", f"{top}/{name.removeprefix(line.name + '-')}"


def _save(world: World, run: Run, rank: int, host: int, number: int, when: float) -> Iterator[Row]:
    line: Pipeline = world.plan.pipelines[run.pipeline]
    entity, top = saved_at(world, run, number)
    rng = dice(world.seed, run.uid, host, number)
    began, took = when + 2 * rng.random(), run.checkpoint[1] * (0.7 + 0.25 * rng.random())
    path = f"{top}/model-{rank + 1:05d}-of-{len(run.hosts):05d}.safetensors"
    yield file_row(host, began, 1, path, entity, 0, "python3", run)
    yield file_row(host, began + took, 3, path, entity, 7 * line.model_bytes // len(run.hosts), "python3", run)
    if rank:
        return
    yield file_row(host, began + took + 1, 1, f"{top}/metadata.json", entity, 48_000, "python3", run)
    if number > _KEPT:
        old, folder = saved_at(world, run, number - _KEPT)
        for gone in range(len(run.hosts)):
            path = f"{folder}/model-{gone + 1:05d}-of-{len(run.hosts):05d}.safetensors"
            yield file_row(host, began + took + 5 + 0.2 * gone, 4, path, old, 0, "python3", run)
    if number % EVALUATED_EVERY == 0:
        yield file_row(host, began + took + 9, 14, f"{top}/metadata.json", entity, 0, "python3", run)


def _end(world: World, run: Run, host: int) -> Iterator[Row]:
    rng = dice(world.seed, run.uid, run.start, host)
    rng.random()
    pid = rng.randrange(10_000, 4_000_000)
    if run.kind != "cpu":
        for gpu in range(run.first, run.first + run.gpus):
            yield _context(world, run, host, gpu, run.end - 1.5 - rng.random(), 3, pid + 10 + gpu, program(run))
