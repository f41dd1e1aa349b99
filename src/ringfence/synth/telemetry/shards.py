"""Data that running jobs read as they go: the next shard of a dataset, opened and then read."""

import numpy as np

from ringfence.synth.telemetry import places
from ringfence.synth.telemetry.block import SENSOR, Block
from ringfence.synth.telemetry.minute import Minute, owners, spread
from ringfence.synth.telemetry.phases import SAVE, STEP
from ringfence.synth.telemetry.schedule import KINDS
from ringfence.wire.ocsf import classes

_TRAIN, _EVALUATE, _DATA = (KINDS.index(kind) for kind in ("train", "evaluate", "data"))


def files(minute: Minute) -> Block:
    """Training reads the next shard, in the order of its epoch; each is an open and then a read."""
    world = minute.world
    reads = (minute.run >= 0) & (minute.phase == STEP) & np.isin(minute.kind, (_TRAIN, _EVALUATE))
    reads |= (minute.kind == _DATA) & (minute.phase != SAVE)
    position, bits = minute.draw("shard", 0.4 * reads)
    run = minute.run[position]
    paths, entities = [], []
    for at, number in zip(run.tolist(), (bits % np.uint64(1 << 20)).tolist(), strict=True):
        job = world.runs[at]
        line = world.plan.pipelines[job.pipeline]
        entity = f"dataset:{line.name}-{'raw' if job.kind == 'data' else 'prepared'}"
        many = places.shards(line.model_bytes * (40 if job.kind == "data" else 10))
        paths.append(f"{places.folder(world, job.pipeline, entity)}/{places.named(entity, number % many, many)}")
        entities.append(entity)
    return _twice(minute, position, bits, run, paths, entities)


def _twice(
    minute: Minute, position: np.ndarray, bits: np.ndarray, run: np.ndarray, paths: list[str], entities: list[str]
) -> Block:
    known: dict[str, int] = {}
    data: dict[str, int] = {}
    path = np.array([known.setdefault(one, len(known)) for one in paths], np.int64)
    entity = np.array([data.setdefault(one, len(data)) for one in entities], np.int64)
    jobs, codes, users, user = owners(minute.world, run)
    many = spread(bits, 2.4e9)
    began = minute.times(bits)
    none = np.zeros(len(many), np.int64)

    def both(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values])

    return Block(
        time=np.concatenate([began, began + (many // 5_000) + 1000]),
        host=both(minute.hosts[position]),
        sensor=SENSOR["files"],
        class_uid=classes.FILE,
        activity=np.concatenate([none + 14, none + 2]),
        numbers={"file.bytes": np.concatenate([none, many])},
        texts={
            "file.path": (both(path), list(known)),
            "file.data": (both(entity), list(data)),
            "actor.process.name": (both(none), ("python3",)),
            "actor.user.name": (both(user), users),
            "job.uid": (both(codes), jobs),
        },
    )
