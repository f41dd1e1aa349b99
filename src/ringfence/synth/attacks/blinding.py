"""The telemetry itself is silenced, thinned out or forged."""

from ringfence.synth.attacks.base import HOUR, MINUTE, Attack, Made, host, jobs_at, people, pick, several, until
from ringfence.synth.telemetry.block import Row
from ringfence.synth.telemetry.people import logon, process_row
from ringfence.synth.telemetry.world import Happenings, Silence, World


def agent_silenced(world: World, attack: Attack) -> Made:
    """Agents stop without a word."""
    every = [at for at, one in enumerate(world.plan.hosts) if one.gpus and one.partition != "kube"]
    hosts = several(every, attack.count("hosts"), attack)
    end = until(world, attack, attack["minutes"] * MINUTE)
    quiet = tuple(Silence(at, attack.start, end) for at in hosts)
    return Made(end, tuple(host(world, at) for at in hosts), happenings=Happenings(silences=quiet))


def events_withheld(world: World, attack: Attack) -> Made:
    """A part of a host's events, numbered already, does not arrive."""
    run = pick(jobs_at(world, attack.start, attack["hours"] * HOUR), attack, "host")
    at, end = run.hosts[attack.place // 5 % len(run.hosts)], until(world, attack, attack["hours"] * HOUR)
    lost = (Silence(at, attack.start, end, attack["share"]),)
    return Made(end, (host(world, at),), happenings=Happenings(silences=lost))


def events_forged(world: World, attack: Attack) -> Made:
    """One host's agent, in an intruder's hands, tells events of another host."""
    run = pick(jobs_at(world, attack.start, 1800), attack, "host")
    liar, rng = run.hosts[attack.place // 5 % len(run.hosts)], attack.dice()
    about = rng.choice([at for at, one in enumerate(world.plan.hosts) if one.gpus and at != liar])
    rows, when = [], attack.start
    for turn in range(attack.count("events")):
        user = rng.choice(people(world)).name
        row = (
            logon(world, about, when, user, world.addresses[liar])
            if turn % 2
            else process_row(about, when, "bash", "-bash", "sshd", user)
        )
        rows.append(Row(row.time, row.host, row.sensor, row.class_uid, row.activity, row.fields, liar))
        when += rng.uniform(0.05, 0.8)
    return Made(when, (host(world, liar),), tuple(rows))
