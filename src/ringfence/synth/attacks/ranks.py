"""A rank differs from its gang."""

from ringfence.synth import say
from ringfence.synth.attacks.base import HOUR, MINUTE, Attack, Made, changed, gang, host, spread, until
from ringfence.synth.telemetry import places
from ringfence.synth.telemetry.jobs import file_row
from ringfence.synth.telemetry.operations import waiting
from ringfence.synth.telemetry.people import process_row
from ringfence.synth.telemetry.world import Happenings, World


def rank_sends_more(world: World, attack: Attack) -> Made:
    """One rank sends so many times what the others send over the fabric."""
    run, at = gang(world, attack, attack["hours"] * HOUR)
    end = until(world, attack, attack["hours"] * HOUR, run)
    more = (changed((at,), attack.start, end, "ib_xmit", "times", attack["times_usual"]),)
    return Made(end, (host(world, at), run.uid), happenings=Happenings(more))


_LOOKS = (
    ("sh", "sh -c 'id; uname -a'"),
    ("ps", "ps aux"),
    ("python3", "python3 -c 'import os; print(os.environ)'"),
    ("cat", "cat /proc/net/arp"),
    ("ip", "ip neigh show"),
    ("find", "find /proj -maxdepth 2"),
    ("lsof", "lsof -n"),
)


def rank_runs_processes(world: World, attack: Attack) -> Made:
    """Programs start on one rank only."""
    run, at = gang(world, attack, attack["hours"] * HOUR)
    end, rng = until(world, attack, attack["hours"] * HOUR, run), attack.dice()
    count = max(1, round(attack["processes_per_hour"] * (end - attack.start) / HOUR))
    rows = []
    for when in spread(rng, attack.start, end, count):
        name, command = rng.choice(_LOOKS)
        rows.append(process_row(at, when, name, command, "python3", run.user, run.uid))
    return Made(end, (host(world, at), run.uid), tuple(rows))


def rank_slowed(world: World, attack: Attack) -> Made:
    """Something takes a share of one rank; its accelerators are as busy as ever, and its gang waits."""
    run, at = gang(world, attack, attack["hours"] * HOUR)
    end, slow = until(world, attack, attack["hours"] * HOUR, run), 1 - attack["share_taken"]
    own = tuple(changed((at,), attack.start, end, name, "times", slow) for name in ("tensor", "nvlink"))
    happenings = Happenings(own + waiting(world, at, attack.start, end, slow))
    return Made(end, (host(world, at), run.uid), happenings=happenings)


_USUAL_SHARDS, _SHARD = 0.4, 2_400_000_000
"""Shards that a training host reads a minute, and bytes read of each, as the benign telemetry has it."""


def rank_reads_more(world: World, attack: Attack) -> Made:
    """One rank reads so many times what the others read of the dataset."""
    run, at = gang(world, attack, attack["hours"] * HOUR)
    end, rng = until(world, attack, attack["hours"] * HOUR, run), attack.dice()
    line = world.plan.pipelines[run.pipeline]
    entity = say.dataset(line, "prepared")
    top, many = places.folder(world, run.pipeline, entity), places.shards(10 * line.model_bytes)
    rows, when = [], attack.start
    rate = _USUAL_SHARDS * (attack["times_usual"] - 1) / MINUTE
    while when < end:
        path = f"{top}/{places.named(entity, rng.randrange(many), many)}"
        rows.append(file_row(at, when, 14, path, entity, 0, "python3", run))
        size = int(_SHARD * rng.lognormvariate(0, 0.4))
        rows.append(file_row(at, when + 0.5, 2, path, entity, size, "python3", run))
        when += rng.expovariate(rate)
    return Made(end, (host(world, at), run.uid), tuple(rows))
