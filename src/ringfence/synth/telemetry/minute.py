"""A minute of some hosts: who runs there, in which phase, and how events are drawn from it."""

import msgspec
import numpy as np

from ringfence.synth.telemetry import places
from ringfence.synth.telemetry.noise import bell, counts, hashed, key, unit
from ringfence.synth.telemetry.phases import phase
from ringfence.synth.telemetry.world import EPOCH, SECOND, World

MINUTE = 60


class Minute(msgspec.Struct, frozen=True):
    """One minute of some hosts: by position in `hosts`, who runs there, of what kind and in which phase."""

    world: World
    places: places.Places
    begin: int
    hosts: np.ndarray
    run: np.ndarray
    kind: np.ndarray
    phase: np.ndarray
    first: np.ndarray

    def draw(self, name: str, rate: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """(position, 64 bits) of each event of a stream with this rate a minute."""
        number = self.begin // MINUTE
        many = counts(hashed(key(self.world.seed, name), self.hosts, number), rate)
        position = np.repeat(np.arange(len(self.hosts)), many)
        turn = np.arange(len(position)) - np.repeat(np.cumsum(many) - many, many)
        return position, hashed(key(self.world.seed, name, "each"), self.hosts[position] * 64 + turn, number)

    def every(self, name: str, chosen: np.ndarray, period: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(position, 64 bits) of the hosts of a mask, once in each `period` minutes."""
        number = self.begin // MINUTE
        own = hashed(key(self.world.seed, name, "turn"), self.hosts, 0) % np.uint64(period)
        position = np.flatnonzero(chosen & (own == np.uint64(number % period)))
        return position, hashed(key(self.world.seed, name), self.hosts[position], number)

    def times(self, bits: np.ndarray) -> np.ndarray:
        """Moments within the minute."""
        return EPOCH + self.begin * SECOND + (unit(bits) * 59.9e6).astype(np.int64)


def spread(bits: np.ndarray, middle: np.ndarray | float) -> np.ndarray:
    """Bytes around a middle, log-normal."""
    found: np.ndarray = (middle * np.exp(0.4 * bell(bits * np.uint64(0x9E3779B1)))).astype(np.int64)
    return found


def owners(world: World, run: np.ndarray) -> tuple[tuple[str, ...], np.ndarray, tuple[str, ...], np.ndarray]:
    """(jobs' names, code of each row, users' names with root last, code of each row); -1 for no job."""
    present, codes = np.unique(run, return_inverse=True)
    if len(present) and present[0] < 0:
        present, codes = present[1:], codes - 1
    jobs = [world.runs[int(at)] for at in present]
    names = (*dict.fromkeys(job.user for job in jobs), "root")
    of = np.array([names.index(job.user) for job in jobs] + [len(names) - 1], np.int64)
    uids = tuple(dict.fromkeys(job.uid for job in jobs))
    uid = np.array([uids.index(job.uid) for job in jobs] + [-1], np.int64)
    return uids, uid[codes], names, of[codes]


def minute_of(world: World, where: places.Places, begin: int, hosts: np.ndarray, held: np.ndarray) -> Minute:
    """What the streams need to know of a minute."""
    mine = held[hosts]
    run = np.where(mine[:, 0] >= 0, mine[:, 0], mine.max(axis=1))
    first = np.array([run.hosts[0] for run in world.runs] + [-1], np.int64)
    table = world.table
    kind = table["kind"][run].astype(np.int64)
    return Minute(world, where, begin, hosts, run, kind, phase(table, run, float(begin)), first[run])
