"""What keeps data in order: checkpoints are turned into models to publish, and old ones are thrown away at night."""

from collections.abc import Iterator
from random import Random

from ringfence.synth import say
from ringfence.synth.telemetry import places
from ringfence.synth.telemetry.block import Row
from ringfence.synth.telemetry.jobs import file_row, saved_at
from ringfence.synth.telemetry.noise import dice
from ringfence.synth.telemetry.people import logon, process_row
from ringfence.synth.telemetry.schedule import Run
from ringfence.synth.telemetry.world import World

CONVERTED = 0.6
"""How often a day the state of a pipeline is turned into a model that can be published."""
PRUNED_AT = 3
"""The hour at which service accounts throw away what runs of the day before have left."""
_CREATE, _READ, _UPDATE, _DELETE, _OPEN = 1, 2, 3, 4, 14


def stories(world: World, begin: int, end: int, told: frozenset[int]) -> Iterator[Row]:
    """Conversions at any hour, pruning at night."""
    for pipeline, line in enumerate(world.plan.pipelines):
        rng = dice(world.seed, "upkeep", line.name, begin)
        if rng.random() < CONVERTED * (end - begin) / 86400:
            yield from _converts(world, pipeline, rng, begin + rng.random() * (end - begin - 1200))
        if begin // 3600 % 24 == PRUNED_AT:
            yield from _prunes(world, pipeline, rng, begin)


def _converts(world: World, pipeline: int, rng: Random, when: float) -> Iterator[Row]:
    """In a job of its tenant: every file of the newest state is read, and the model's are written."""
    line = world.plan.pipelines[pipeline]
    runs = [one for one in world.runs if one.tenant == line.tenant and one.start + one.load < when < one.end - 1200]
    runs = [one for one in runs if one.kind in ("evaluate", "data", "interactive")]
    if not runs:
        return
    run = rng.choice(runs)
    host, model, state = run.hosts[0], say.model(line), say.checkpoint(line, line.checkpoints)
    yield process_row(host, when - 1, "python3", "python3 convert.py --publish", "bash", run.user, run.uid)
    steps = ((state, 7 * line.model_bytes, (_OPEN, _READ)), (model, line.model_bytes, (_CREATE, _UPDATE)))
    for entity, size, does in steps:
        many, top = places.shards(size), places.folder(world, pipeline, entity)
        for turn in range(min(many, 32)):
            path = f"{top}/{places.named(entity, turn, many)}"
            for late, activity in zip((0.0, 9.0), does, strict=True):
                amount = size // many if late else 0
                yield file_row(host, when + 11 * turn + late, activity, path, entity, amount, "python3", run)
        when += 11 * min(many, 32) + 5


def _prunes(world: World, pipeline: int, rng: Random, begin: int) -> Iterator[Row]:
    line = world.plan.pipelines[pipeline]
    gone = [
        one
        for one in world.runs
        if one.pipeline == pipeline and one.kind == "train" and begin - 86400 <= one.end < begin and _saved(one)
    ]
    if not gone:
        return
    account, host = f"svc-{line.tenant}", world.of_role("login")[0]
    when = begin + 60 + rng.random() * 1200
    yield logon(world, host, when - 2, account, world.addresses[world.of_role("management")[0]])
    yield process_row(host, when - 1, "python3", "python3 prune.py --older 1d", "sshd", account)
    for one in gone[:20]:
        entity, top = saved_at(world, one, _saved(one))
        for turn in range(min(len(one.hosts), 64)):
            path = f"{top}/model-{turn + 1:05d}-of-{len(one.hosts):05d}.safetensors"
            yield file_row(host, when + 0.3 * turn, _DELETE, path, entity, 0, "python3", None, account)
        when += 25


def _saved(run: Run) -> int:
    """The number of the last whole checkpoint of a run that has ended, 0 for none."""
    return max(0, int((run.end - run.start - run.load) // run.checkpoint[0]))
