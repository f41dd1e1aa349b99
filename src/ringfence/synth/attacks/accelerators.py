"""Accelerators are used for other things, set otherwise, or listened to."""

import msgspec

from ringfence.synth.attacks.base import (
    HOUR,
    MINUTE,
    Attack,
    Impossible,
    Made,
    changed,
    host,
    idle,
    job_id,
    jobs_at,
    outside,
    people,
    pick,
    until,
)
from ringfence.synth.telemetry.block import SENSOR, Row
from ringfence.synth.telemetry.machines import setting
from ringfence.synth.telemetry.people import flow_row, process_row
from ringfence.synth.telemetry.schedule import Run
from ringfence.synth.telemetry.world import Happenings, Overlay, World, micro
from ringfence.wire.ocsf import classes

_WATTS = {"hgx": 700.0, "nvl": 1200.0}


def mines(world: World, hosts: tuple[int, ...], start: float, end: float, busy: float, last: int = 8) -> Happenings:
    """What a miner shows on the accelerators of some hosts: busy with integers and memory, never with matrices."""
    found: list[Overlay] = []
    for at in hosts:
        watts = _WATTS[world.plan.hosts[at].role] * (0.12 + 0.72 * busy / 100)
        levels = {"utilization": busy, "tensor": 0.004, "bandwidth": 0.8 * busy, "memory": 6.5e9, "nvlink": 0.0}
        levels |= {"power": watts, "temperature": 34 + 34 * busy / 100, "clock": 1900.0, "processes": 1.0}
        levels |= {"pcie_rx": 2.0e6, "pcie_tx": 4.0e5}
        found += [changed((at,), start, end, name, "is", value, (0, last)) for name, value in levels.items()]
    return Happenings(tuple(found))


def context(
    world: World, at: int, gpu: int, when: float, activity: int, name: str, user: str, job: str = "", pid: int = 0
) -> Row:
    """A process begins or ends to use an accelerator."""
    fields: dict[str, str | int | float] = {
        "gpu.uuid": world.uuids[at][gpu],
        "gpu.index": gpu,
        "process.pid": pid or 4000 + micro(when) % 900_000,
        "process.name": name,
        "process.user.name": user,
    }
    fields |= {"job.uid": job} if job else {}
    return Row(micro(when), at, SENSOR["gpu"], classes.GPU, activity, fields)


def _pool(
    world: World, attack: Attack, at: int, start: float, end: float, apart: float, user: str, job: str, name: str
) -> list[Row]:
    rng, rows, when = attack.dice(), [], start + 20
    port = 443 if attack.loudness == "stealthy" else 3333
    while when < end:
        sent = (rng.randrange(200, 900), rng.randrange(150, 1200))
        rows.append(flow_row(world, at, when, (outside(attack), port), sent, name, user, job, 6))
        when += apart * MINUTE * rng.uniform(0.7, 1.3)
    return rows


def mining_run(world: World, attack: Attack) -> Run:
    """The job that an attacker submits to mine: it calls itself training."""
    rooms: dict[str, list[int]] = {}
    for at, one in enumerate(world.plan.hosts):
        if one.tenant and one.role == "hgx":
            rooms.setdefault(one.tenant, []).append(at)
    tenant = pick(sorted(rooms), attack)
    places, size = rooms[tenant], min(attack.count("nodes"), len(rooms[tenant]))
    first = attack.place // 11 % (len(places) - size + 1)
    user, start = pick(people(world, tenant), attack), int(attack.start) // 10 * 10
    lines = [number for number, line in enumerate(world.plan.pipelines) if line.tenant == tenant]
    pipeline = pick(lines, attack)
    end = min(start + int(attack["hours"] * HOUR), world.seconds - 60) // 10 * 10
    return Run(
        uid=job_id(world, attack),
        name=f"train-{world.plan.pipelines[pipeline].name}-{'abcdefgh'[attack.place % 8]}{attack.place % 100}",
        user=user.name,
        tenant=tenant,
        partition=tenant,
        kind="interactive",
        declared="train",
        pipeline=pipeline,
        hosts=tuple(places[first : first + size]),
        first=0,
        gpus=8,
        submitted=start - 40.0,
        start=start,
        end=max(end, start + 120),
        state="COMPLETED",
        load=30,
        checkpoint=(3600, 60),
        level=1.0,
    )


def mining_job(world: World, attack: Attack) -> Made:
    """A job that mines; it was put into the schedule before (`mining_run`)."""
    wanted = mining_run(world, attack)
    run = next((run for run in world.runs if run.uid == wanted.uid), None)
    if run is None:
        raise Impossible(f"{attack.id}: its job is not scheduled")
    name = "python3" if attack.loudness == "stealthy" else "trex"
    rows = []
    for at in run.hosts:
        command = (
            "python3 train.py" if name == "python3" else "./trex -a kawpow -o stratum+tcp://pool.coins.example:3333"
        )
        rows.append(process_row(at, run.start + 6, name, command, "bash", run.user, run.uid))
        rows += [context(world, at, gpu, run.start + 9, 2, name, run.user, run.uid) for gpu in range(8)]
        rows += _pool(world, attack, at, run.start, run.end, attack["pool_minutes_apart"], run.user, run.uid, name)
    happenings = mines(world, run.hosts, run.start + 20, run.end, attack["utilization"])
    entities = (run.uid, f"identity:{run.user}", *(host(world, at) for at in run.hosts))
    return Made(float(run.end), entities, tuple(rows), happenings, start=float(run.start))


def mining_on_idle(world: World, attack: Attack) -> Made:
    """Somebody mines on accelerators that no job holds."""
    at, end = idle(world, attack, attack["hours"] * HOUR)
    many = min(attack.count("gpus"), int(world.gpus[at]))
    user = pick(people(world, world.plan.hosts[at].tenant), attack).name
    name = "python3" if attack.loudness == "stealthy" else "miner"
    rows = [process_row(at, attack.start, name, f"{name} -d 0", "sshd", user)]
    rows += [context(world, at, gpu, attack.start + 3, 2, name, user) for gpu in range(many)]
    rows += [context(world, at, gpu, end, 3, name, user) for gpu in range(many)]
    rows += _pool(world, attack, at, attack.start, end, 2.0, user, "", name)
    happenings = mines(world, (at,), attack.start + 5, end, attack["utilization"], many)
    return Made(end, (host(world, at), f"identity:{user}"), tuple(rows), happenings)


def mining_in_job(world: World, attack: Attack) -> Made:
    """A job of one host mines for part of its time."""
    seconds = attack["hours"] * HOUR
    runs = [run for run in jobs_at(world, attack.start, seconds, ("train", "evaluate", "infer")) if len(run.hosts) == 1]
    run = pick(runs or jobs_at(world, attack.start, seconds), attack, "job")
    at, end = run.hosts[0], until(world, attack, seconds, run)
    period, last = 600.0, run.first + run.gpus
    whole = mines(world, (at,), attack.start, end, 98.0, last)
    parts = tuple(
        msgspec.structs.replace(one, duty=attack["duty"], period=period, gpus=(run.first, last))
        for one in whole.overlays
        if one.quantity != "memory"
    )
    name = "python3"
    rows = [context(world, at, gpu, attack.start, 2, name, run.user, run.uid) for gpu in range(run.first, last)]
    rows += _pool(world, attack, at, attack.start, end, 10.0, run.user, run.uid, name)
    return Made(end, (host(world, at), run.uid, f"identity:{run.user}"), tuple(rows), Happenings(parts))


def process_on_foreign_gpu(world: World, attack: Attack) -> Made:
    """An account has processes on an accelerator that another's job holds."""
    run = pick(jobs_at(world, attack.start, attack["minutes"] * MINUTE, ("train", "evaluate", "interactive")), attack)
    user = pick([one for one in people(world) if one.name != run.user], attack).name
    at, end = run.hosts[attack.place // 5 % len(run.hosts)], until(world, attack, attack["minutes"] * MINUTE, run)
    gpus = [run.first + turn % run.gpus for turn in range(attack.count("processes"))]
    rows = [process_row(at, attack.start - 1, "python3", "python3 -u probe.py", "bash", user)]
    for turn, gpu in enumerate(gpus):
        pid = 7000 + attack.place % 900_000 + turn
        rows.append(context(world, at, gpu, attack.start + turn, 2, "python3", user, "", pid))
        rows.append(context(world, at, gpu, end, 3, "python3", user, "", pid))
    more = tuple(changed((at,), attack.start, end, "processes", "plus", 1.0, (gpu, gpu + 1)) for gpu in gpus)
    more += tuple(changed((at,), attack.start, end, "memory", "plus", 1.2e9, (gpu, gpu + 1)) for gpu in gpus)
    return Made(end, (host(world, at), f"identity:{user}"), tuple(rows), Happenings(more))


_SETTINGS = (
    ("ecc_mode", "Disabled"),
    ("power_limit", "300"),
    ("accounting_mode", "Disabled"),
    ("mig_mode", "Enabled"),
    ("compute_mode", "Default"),
    ("persistence_mode", "Disabled"),
)


def gpu_setting_changed(world: World, attack: Attack) -> Made:
    """Modes of accelerators are changed, and nobody announced it."""
    run = pick(jobs_at(world, attack.start, 900), attack, "job")
    at, rng = run.hosts[attack.place // 5 % len(run.hosts)], attack.dice()
    some = rng.sample(_SETTINGS, min(len(_SETTINGS), attack.count("settings")))
    gpus = range(int(world.gpus[at])) if attack.loudness == "loud" else [rng.randrange(int(world.gpus[at]))]
    rows = [process_row(at, attack.start - 1, "nvidia-smi", "nvidia-smi", "bash", "root")]
    for turn, (name, value) in enumerate(some):
        rows += [setting(world, at, attack.start + 20 * turn + 0.1 * gpu, gpu, name, value, "root") for gpu in gpus]
    return Made(attack.start + 20 * len(some), (host(world, at),), tuple(rows))


def nvlink_without_job(world: World, attack: Attack) -> Made:
    """Bytes pass over the links of a host where nobody runs anything."""
    at, end = idle(world, attack, attack["minutes"] * MINUTE)
    rate = attack["mib_s"] * (1 << 20) / int(world.gpus[at])
    more = (changed((at,), attack.start, end, "nvlink", "plus", rate),)
    return Made(end, (host(world, at),), happenings=Happenings(more))


def counter_side_channel(world: World, attack: Attack) -> Made:
    """Somebody reads the performance counters of an accelerator on which another's job runs."""
    run = pick(jobs_at(world, attack.start, attack["hours"] * HOUR, ("train", "evaluate")), attack, "job")
    user = pick([one for one in people(world) if one.name != run.user], attack).name
    at, end = run.hosts[attack.place // 5 % len(run.hosts)], until(world, attack, attack["hours"] * HOUR, run)
    rng, when = attack.dice(), attack.start
    rows = [process_row(at, when - 1, "python3", "python3 watch.py", "bash", user)]
    while when < end:
        fields: dict[str, str | int | float] = {
            "gpu.uuid": world.uuids[at][run.first],
            "gpu.index": run.first,
            "gpu.samples": max(1, int(attack["samples_per_minute"] * rng.uniform(0.8, 1.2))),
            "process.name": "python3",
            "process.user.name": user,
        }
        rows.append(Row(micro(when), at, SENSOR["gpu"], classes.GPU, 6, fields))
        when += MINUTE
    return Made(end, (host(world, at), f"identity:{user}"), tuple(rows))
