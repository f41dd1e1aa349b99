"""Weights, checkpoints, datasets and credentials are read or changed by the wrong people, or at the wrong time."""

from ringfence.synth import data, say
from ringfence.synth.attacks.base import MINUTE, Attack, Impossible, Made, gang, host, jobs_at, people, pick, takes_part
from ringfence.synth.attacks.leaving import MBIT, model_reads
from ringfence.synth.telemetry import places
from ringfence.synth.telemetry.jobs import file_row, saved_at
from ringfence.synth.telemetry.schedule import Run
from ringfence.synth.telemetry.world import World, micro


def weights_read_by_non_member(world: World, attack: Attack) -> Made:
    """An account of another tenant reads files of a model, from a node where it has a job or from its login node."""
    number = attack.place % len(world.plan.pipelines)
    line = world.plan.pipelines[number]
    thief = pick(people(world, not_of=line.tenant), attack, "stranger")
    own = [run for run in jobs_at(world, attack.start, 600) if run.user == thief.name]
    at = own[0].hosts[0] if own else world.at[data.login_of(world.plan, thief).name]
    run = own[0] if own else None
    times = [attack.start + MINUTE * attack["minutes_apart"] * turn for turn in range(attack.count("files"))]
    times = [when for when in times if when < world.seconds - 60]
    many = places.shards(line.model_bytes)
    size = line.model_bytes // many * len(times)
    if run and times[-1] >= run.end:
        run = None
    rows = model_reads(world, at, number, times, size, "python3", thief.name, run)
    return Made(times[-1] + 5, takes_part(world, at, f"identity:{thief.name}"), tuple(rows))


def _latest(run: Run, when: float) -> int:
    """The number of the newest whole checkpoint of a run, 0 for none yet."""
    period, _ = run.checkpoint
    first = run.start + run.load + period
    return max(0, int((when - first) // period) + 1) if when >= first else 0


def checkpoint_read_out_of_phase(world: World, attack: Attack) -> Made:
    """While a gang steps, a process of one rank reads a checkpoint."""
    run, at = gang(world, attack, 1800)
    line = world.plan.pipelines[run.pipeline]
    size = int(7 * line.model_bytes * attack["share_of_checkpoint"])
    number = _latest(run, attack.start)
    entity, top = saved_at(world, run, number) if number else (say.checkpoint(line, 1), "")
    top = top or places.folder(world, run.pipeline, entity)
    end = min(attack.start + size / (attack["mbit_s"] * MBIT), run.end - 30.0, world.seconds - 60.0)
    files = max(1, min(len(run.hosts), round(len(run.hosts) * attack["share_of_checkpoint"])))
    rows = []
    for turn in range(files):
        path = f"{top}/model-{turn + 1:05d}-of-{len(run.hosts):05d}.safetensors"
        began, ended = (attack.start + (end - attack.start) * part / files for part in (turn, turn + 0.95))
        rows.append(file_row(at, began, 14, path, entity, 0, "python3", run))
        rows.append(file_row(at, ended, 2, path, entity, size // files, "python3", run))
    return Made(end, (host(world, at), run.uid, f"identity:{run.user}"), tuple(rows))


def checkpoint_rewritten(world: World, attack: Attack) -> Made:
    """Some minutes after a checkpoint is whole, somebody writes into files of it from a login node."""
    run, _ = gang(world, attack, 7200)
    period, _ = run.checkpoint
    number = _latest(run, attack.start) + 1
    whole = run.start + run.load + period * number
    start = whole + attack["minutes_after"] * MINUTE
    if start > min(world.seconds - 300, run.end + 86400):
        raise Impossible(f"{attack.id}: no checkpoint is whole in time")
    entity, top = saved_at(world, run, number)
    line = world.plan.pipelines[run.pipeline]
    owner = next(user for user in world.plan.users if user.name == run.user)
    insiders = [user for user in people(world, run.tenant) if user.name != run.user] or [owner]
    user = owner if attack.place % 2 else pick(insiders, attack)
    at = world.at[data.login_of(world.plan, user).name] if user.workstation else run.hosts[0]
    each = 7 * line.model_bytes // len(run.hosts)
    rows = []
    for turn in range(min(attack.count("files"), len(run.hosts))):
        path = f"{top}/model-{turn + 1:05d}-of-{len(run.hosts):05d}.safetensors"
        written = int(each * attack["share_rewritten"])
        for late, activity, size in ((0, 14, 0), (3, 2, written), (9, 3, written)):
            when = start + 30 * turn + late
            rows.append(file_row(at, when, activity, path, entity, size, "python3", None, user.name))
    end = start + 30 * len(rows) / 3
    return Made(end, takes_part(world, at, f"identity:{user.name}"), tuple(rows), start=start)


def dataset_tampered(world: World, attack: Attack) -> Made:
    """Files of a prepared dataset are written some time before a training run reads them."""
    ahead = attack["minutes_before_job"] * MINUTE
    runs = [
        run
        for run in world.runs
        if run.kind == "train" and run.uid.startswith("job:") and attack.start + ahead <= run.start < world.seconds
    ]
    run = pick(runs[: 1 + len(runs) // 20], attack, "run")
    start = run.start - ahead
    line = world.plan.pipelines[run.pipeline]
    user = pick([user for user in people(world, run.tenant) if user.name != line.owner] or people(world), attack)
    at = world.at[data.login_of(world.plan, user).name]
    entity = say.dataset(line, "prepared")
    top, many, rng = places.folder(world, run.pipeline, entity), places.shards(10 * line.model_bytes), attack.dice()
    rows = []
    for turn in range(attack.count("files")):
        path = f"{top}/{places.named(entity, rng.randrange(many), many)}"
        when = start + turn * min(20.0, 0.5 * ahead / attack.count("files"))
        rows.append(file_row(at, when, 14, path, entity, 0, "python3", None, user.name))
        rows.append(file_row(at, when + 2, 3, path, entity, rng.randrange(1000, 4_000_000), "python3", None, user.name))
    end = start + ahead
    return Made(end, takes_part(world, at, f"identity:{user.name}"), tuple(rows), start=start)


_KEPT = (".ssh/id_ed25519", ".netrc", ".aws/credentials", ".docker/config.json", ".kube/config", ".cache/hub/token")


def credential_harvest(world: World, attack: Attack) -> Made:
    """Files with other people's credentials are read on a login node."""
    thief = pick(people(world), attack)
    at = world.at[data.login_of(world.plan, thief).name]
    others = [user for user in people(world, thief.tenant) if user.name != thief.name] or people(world)
    rng, rows, when = attack.dice(), [], attack.start
    program = "python3" if attack.loudness == "stealthy" else "cat"
    for _ in range(attack.count("files")):
        path = f"{data.home_folder(world.plan, rng.choice(others))}/{rng.choice(_KEPT)}"
        rows.append(file_row(at, when, 14, path, "", 0, program, None, thief.name))
        rows.append(file_row(at, when + 0.05, 2, path, "", 420, program, None, thief.name))
        when += MINUTE * attack["minutes_apart"] * rng.uniform(0.8, 1.2)
    rows = [row for row in rows if row.time < micro(world.seconds - 60)]
    return Made(min(when, world.seconds - 60.0), takes_part(world, at, f"identity:{thief.name}"), tuple(rows))
