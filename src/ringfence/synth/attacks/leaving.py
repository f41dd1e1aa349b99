"""Weights and data leave."""

from random import Random

from ringfence.synth import data, say
from ringfence.synth.attacks.base import (
    HOUR,
    MINUTE,
    Attack,
    Impossible,
    Made,
    host,
    jobs_at,
    outside,
    pick,
    takes_part,
    until,
)
from ringfence.synth.plan import Pipeline, User
from ringfence.synth.telemetry import places
from ringfence.synth.telemetry.block import SENSOR, Row
from ringfence.synth.telemetry.jobs import file_row
from ringfence.synth.telemetry.people import flow_row, process_row
from ringfence.synth.telemetry.schedule import Run
from ringfence.synth.telemetry.world import World, micro
from ringfence.wire.ocsf import classes

MBIT = 125_000
"""Bytes a second."""
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def _insider(world: World, attack: Attack) -> tuple[int, Pipeline, User]:
    """(pipeline's number, pipeline, the owner who may read it)."""
    number = attack.place % len(world.plan.pipelines)
    line = world.plan.pipelines[number]
    return number, line, next(user for user in world.plan.users if user.name == line.owner)


def model_reads(
    world: World,
    at: int,
    pipeline: int,
    times: list[float],
    size: int,
    program: str,
    user: str,
    run: Run | None = None,
) -> list[Row]:
    """Files of a model are opened and read, one at each time, `size` bytes in all."""
    line = world.plan.pipelines[pipeline]
    entity, many = say.model(line), places.shards(line.model_bytes)
    top = places.folder(world, pipeline, entity)
    rows = []
    for turn, when in enumerate(times):
        path = f"{top}/{places.named(entity, turn % many, many)}"
        rows.append(file_row(at, when, 14, path, entity, 0, program, run, user))
        rows.append(file_row(at, when + 2, 2, path, entity, size // len(times), program, run, user))
    return rows


def weights_egress(world: World, attack: Attack) -> Made:
    """Somebody who may read a model sends it out from a node, at so many Mbit/s to one or a few addresses."""
    pipeline, line, owner = _insider(world, attack)
    size = int(attack["share_of_model"] * line.model_bytes)
    own = [run for run in jobs_at(world, attack.start, HOUR) if run.tenant == line.tenant]
    run = pick(own, attack) if own else None
    at = run.hosts[attack.place // 3 % len(run.hosts)] if run else world.at[data.login_of(world.plan, owner).name]
    user = run.user if run else owner.name
    end = until(world, attack, size / (attack["mbit_s"] * MBIT))
    job = run.uid if run and end < run.end else ""
    program = "python3" if attack.loudness == "stealthy" else "rclone"
    rng, minutes = attack.dice(), max(1, int((end - attack.start) / MINUTE))
    reads = [attack.start + (end - attack.start) * turn / 12 for turn in range(12)]
    rows = model_reads(world, at, pipeline, reads, size, program, user, run if job else None)
    rows.append(process_row(at, attack.start - 2, program, f"{program} sync.py", "bash", user, job))
    many = attack.count("destinations")
    for turn in range(minutes):
        for number in range(many):
            sent = int(attack["mbit_s"] * MBIT * MINUTE / many * rng.uniform(0.85, 1.15))
            to = (outside(attack, number), 443)
            when = attack.start + MINUTE * (turn + 1) - rng.random()
            rows.append(flow_row(world, at, when, to, (sent, sent // 90), program, user, job, 6))
    return Made(end, takes_part(world, at, f"identity:{user}", *((job,) if job else ())), tuple(rows))


def slow_exfiltration(world: World, attack: Attack) -> Made:
    """A little of a model at a time, over days, to addresses that change."""
    pipeline, line, owner = _insider(world, attack)
    at = world.at[data.login_of(world.plan, owner).name]
    end = until(world, attack, attack["hours"] * HOUR)
    whole = int(attack["share_of_model_per_day"] * line.model_bytes * (end - attack.start) / (24 * HOUR))
    rng = attack.dice()
    times, when = [], attack.start
    while when < end:
        times.append(when)
        when += rng.uniform(6, 25) * MINUTE
    program = rng.choice(("curl", "python3", "git-remote-http"))
    rows = model_reads(world, at, pipeline, times, whole, "python3", owner.name)
    for turn, moment in enumerate(times):
        sent = int(whole / len(times) * rng.uniform(0.6, 1.4))
        to = (outside(attack, turn % attack.count("destinations")), 443)
        rows.append(flow_row(world, at, moment + 60, to, (sent, sent // 70), program, owner.name))
    return Made(end, takes_part(world, at, f"identity:{owner.name}"), tuple(rows))


def exfiltration_over_used_service(world: World, attack: Attack) -> Made:
    """More than usual to a service that is in use anyway: a run's metrics, or the backups of a file server."""
    rng, seconds = attack.dice(), attack["hours"] * HOUR
    night = 3600 <= attack.start % 86400 < 5 * 3600
    if attack.place % 2 and night:
        at, usual, name, job, user, program = pick(world.of_role("storage"), attack), 4e9, "vault", "", "root", "restic"
        end = until(world, attack, min(seconds, 5 * 3600 - attack.start % 86400))
        entities: tuple[str, ...] = (host(world, at),)
    else:
        run = pick(jobs_at(world, attack.start, seconds, ("train", "evaluate")), attack, "job")
        at, usual, name, job, user, program = run.hosts[0], 2.5e4, "metrics", run.uid, run.user, "python3"
        end = until(world, attack, seconds, run)
        entities = (host(world, at), job, f"identity:{user}")
    _, port, addresses = places.OUTSIDE[name]
    to = (addresses[at % len(addresses)], port)
    rows = []
    for turn in range(max(1, int((end - attack.start) / MINUTE))):
        sent = int(usual * (attack["times_usual"] - 1) * rng.uniform(0.7, 1.3))
        when = attack.start + MINUTE * turn + 40 + rng.random()
        rows.append(flow_row(world, at, when, to, (sent, sent // 100), program, user, job, 6))
    return Made(end, entities, tuple(rows))


def dns_tunnel(world: World, attack: Attack) -> Made:
    """Data in the names that are asked for."""
    seconds = attack["hours"] * HOUR
    run = pick(jobs_at(world, attack.start, seconds), attack, "job")
    at, end, rng = run.hosts[attack.place // 5 % len(run.hosts)], until(world, attack, seconds, run), attack.dice()
    domain = rng.choice(("cdn-telemetry.example", "static-sync.example", "ocsp-relay.example"))
    types = ("A", "AAAA", "A") if attack.loudness == "stealthy" else ("TXT", "TXT", "NULL")
    rows, when = [], attack.start
    while when < end:
        label = "".join(rng.choices(_ALPHABET, k=attack.count("label_bytes")))
        fields = {
            "query.hostname": f"{label}.{domain}",
            "query.type": rng.choice(types),
            "job.uid": run.uid,
        }
        rows.append(Row(micro(when), at, SENSOR["dns"], classes.DNS, 1, fields))
        when += rng.expovariate(attack["queries_per_minute"] / MINUTE)
    return Made(end, (host(world, at), run.uid, f"identity:{run.user}"), tuple(rows))


def staged_on_node(world: World, attack: Attack) -> Made:
    """A model is put together on a node's own disk, where no watched folder is."""
    pipeline, line, _ = _insider(world, attack)
    seconds = attack["hours"] * HOUR
    run = next(iter(_own(world, attack, line, seconds)), None)
    if run is None:
        raise Impossible(f"{attack.id}: no job of the tenant")
    at, end, rng = run.hosts[attack.place // 5 % len(run.hosts)], until(world, attack, seconds, run), attack.dice()
    pieces = attack.count("pieces")
    times = [attack.start + (end - attack.start) * turn / pieces for turn in range(pieces)]
    size = int(attack["share_of_model"] * line.model_bytes)
    program = "python3" if attack.loudness == "stealthy" else "tar"
    rows = model_reads(world, at, pipeline, times, size, program, run.user, run)
    rows += [_packs(rng, at, when, run, turn) for turn, when in enumerate(times if program == "tar" else times[:1])]
    return Made(end, (host(world, at), run.uid, f"identity:{run.user}"), tuple(rows))


def _own(world: World, attack: Attack, line: Pipeline, seconds: float) -> list[Run]:
    found = [run for run in jobs_at(world, attack.start, seconds) if run.tenant == line.tenant]
    found = found or [run for run in jobs_at(world, attack.start, 600) if run.tenant == line.tenant]
    return found and [pick(found, attack)]


def _packs(rng: Random, at: int, when: float, run: Run, turn: int) -> Row:
    if run.kind == "train" and turn == 0 and rng.random() < 0.5:
        return process_row(at, when, "python3", "python3 convert.py --out /tmp/hf-cache", "bash", run.user, run.uid)
    command = f"tar -cf /tmp/.cache-{rng.randrange(1000)}/part{turn:03d}.tar model"
    return process_row(at, when, "tar", command, "bash", run.user, run.uid)
