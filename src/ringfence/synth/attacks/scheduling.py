"""The scheduler is abused."""

from collections.abc import Iterator

from ringfence.synth.attacks.base import MINUTE, Attack, Made, host, job_id, people, pick, several
from ringfence.synth.telemetry.block import SENSOR, Row, Value
from ringfence.synth.telemetry.machines import reserve
from ringfence.synth.telemetry.people import process_row
from ringfence.synth.telemetry.world import World, micro
from ringfence.wire.ocsf import classes


def _small(
    world: World, attack: Attack, turn: int, when: float, user: str, by: str, at: int, seconds: float
) -> Iterator[Row]:
    """A short job of one host that asks for no accelerator: submitted, started, cancelled or ended."""
    tenant = next(one.tenant for one in world.plan.users if one.name == user)
    fields: dict[str, Value] = {
        "job.uid": job_id(world, attack, turn),
        "job.name": f"test-{turn}",
        "job.user": user,
        "job.account": tenant,
        "job.partition": world.plan.hosts[at].partition,
        "job.nodes": 1,
        "job.gpus": 0,
        "job.kind": "interactive",
        "job.command": f"/home/{tenant}/{user}/test.sh",
    }
    server = world.of_role("scheduler")[0]

    def row(activity: int, late: float, more: dict[str, Value]) -> Row:
        return Row(micro(when + late), server, SENSOR["slurm"], classes.JOB, activity, fields | more)

    yield row(1, 0.0, {"job.state": "PENDING", "actor.user.name": by})
    yield row(2, 2.0, {"job.state": "RUNNING", "job.hosts": world.names[at]})
    uid = str(fields["job.uid"])
    yield process_row(at, when + 3, "bash", "/bin/bash test.sh", "slurmstepd", user, uid, "/bin/bash")
    yield row(3, 2.0 + seconds, {"job.state": "COMPLETED", "job.exit_code": 0})


def _rooms(world: World) -> list[int]:
    shared = [at for at, one in enumerate(world.plan.hosts) if one.partition == "shared"]
    return shared or [at for at, one in enumerate(world.plan.hosts) if one.gpus]


def job_as_somebody_else(world: World, attack: Attack) -> Made:
    """Jobs run as an account that did not submit them."""
    by = pick(people(world), attack)
    victim = pick([one for one in people(world) if one.name != by.name], attack)
    rng, rows, when = attack.dice(), [], attack.start
    hosts, uids = [], []
    for turn in range(attack.count("jobs")):
        at = rng.choice(_rooms(world))
        made = list(_small(world, attack, turn, when, victim.name, by.name, at, 120))
        rows += made
        hosts.append(at)
        uids.append(str(made[0].fields["job.uid"]))
        when += rng.uniform(5, 60)
    places = tuple(host(world, at) for at in dict.fromkeys(hosts))
    return Made(when + 125, (f"identity:{by.name}", f"identity:{victim.name}", *uids, *places), tuple(rows))


def neighbour_hunting(world: World, attack: Attack) -> Made:
    """An account starts small jobs until one lands beside its victim."""
    user = pick(people(world), attack)
    rng, rows, when, hosts, uids = attack.dice(), [], attack.start, [], []
    for turn in range(attack.count("jobs")):
        if when >= world.seconds - 200:
            break
        at = rng.choice(_rooms(world))
        made = list(_small(world, attack, turn, when, user.name, user.name, at, rng.uniform(20, 70)))
        rows += made
        hosts.append(at)
        uids.append(str(made[0].fields["job.uid"]))
        when += attack["minutes_apart"] * MINUTE * rng.uniform(0.8, 1.2)
    entities = (f"identity:{user.name}", *uids, *(host(world, at) for at in dict.fromkeys(hosts)))
    return Made(when, entities, tuple(rows))


def hold_up_by_reservation(world: World, attack: Attack) -> Made:
    """An account that coordinates its tenant reserves hosts that others need."""
    user = pick(people(world), attack)
    every = [at for at, one in enumerate(world.plan.hosts) if one.gpus and one.partition != "kube"]
    hosts = several(every, attack.count("hosts"), attack)
    name = f"{user.tenant}-{attack.place % 1000}"
    row = reserve(world, attack.start, tuple(hosts), name, user.name)
    entities = (f"identity:{user.name}", *(host(world, at) for at in hosts))
    return Made(attack.start + 3600, entities, (row,))
