"""What every attack needs: its parameters, the choice of a victim, and what comes of it.

        Attack (drawn) + World ──a kind's function──▶ Made (rows, happenings, entities)

An attack shows only as what sensors would report of it. Victims are chosen by `place`, among those that the kind can
befall at that time.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TypeVar

import msgspec

from ringfence.estate import ids
from ringfence.synth.plan import User
from ringfence.synth.telemetry.block import Row
from ringfence.synth.telemetry.noise import dice
from ringfence.synth.telemetry.schedule import Run
from ringfence.synth.telemetry.world import EPOCH, SECOND, Happenings, Overlay, World

T = TypeVar("T")
MINUTE, HOUR = 60.0, 3600.0


class Attack(msgspec.Struct, frozen=True):
    """One attack as it was drawn: seconds of the replay, a number for the victim, parameters by name."""

    id: str
    kind: str
    loudness: str
    start: float
    place: int
    parameters: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        """A parameter."""
        return self.parameters[name]

    def count(self, name: str) -> int:
        """A parameter that counts something, at least 1."""
        return max(1, round(self.parameters[name]))

    def dice(self) -> Random:
        """What the parameters leave open."""
        return dice("attack", self.id, self.place)


class Made(msgspec.Struct, frozen=True):
    """An attack's own events, when they end, and the entities that take part. `start` where it differs from drawn."""

    end: float
    entities: tuple[str, ...]
    rows: tuple[Row, ...] = ()
    happenings: Happenings = Happenings()
    start: float = -1.0


class Impossible(ValueError):
    """A replay in which there is no victim for this attack."""


Make = Callable[[World, Attack], Made]


def pick(found: Sequence[T], attack: Attack, what: str = "victim") -> T:
    """One of several, by the attack's place."""
    if not found:
        raise Impossible(f"{attack.id}: no {what} in this replay")
    return found[attack.place % len(found)]


def several(found: Sequence[T], count: int, attack: Attack) -> list[T]:
    """Some of several, by the attack's place; all, where there are not so many."""
    if not found:
        raise Impossible(f"{attack.id}: no victim in this replay")
    return attack.dice().sample(list(found), min(count, len(found)))


def jobs_at(world: World, when: float, seconds: float, kinds: Sequence[str] = (), least: int = 1) -> list[Run]:
    """Slurm jobs past their loading that go on for so long; those that go on longest, where none does."""
    now = [
        run
        for run in world.runs
        if run.uid.startswith("job:")
        and run.start + run.load <= when < run.end - 120
        and len(run.hosts) >= least
        and (not kinds or run.kind in kinds)
    ]
    lasting = [run for run in now if run.end >= when + seconds]
    return lasting or sorted(now, key=lambda run: -run.end)[:3]


def gang(world: World, attack: Attack, seconds: float) -> tuple[Run, int]:
    """A training run of several hosts, and one of its ranks that is not the first."""
    found = next((runs for least in (4, 2) if (runs := jobs_at(world, attack.start, seconds, ("train",), least))), [])
    run = pick(found, attack, "gang")
    return run, run.hosts[1 + attack.place // 7 % (len(run.hosts) - 1)]


def until(world: World, attack: Attack, seconds: float, run: Run | None = None) -> float:
    """When something that takes so long ends: with the job, and with the replay."""
    end = min(attack.start + seconds, world.seconds - 60.0, run.end - 30.0 if run else float("inf"))
    return max(end, attack.start + 1)


def people(world: World, tenant: str = "", not_of: str = "") -> list[User]:
    """Accounts of people, of a tenant or of any other."""
    found = [user for user in world.plan.users if user.workstation and user.tenant]
    return [user for user in found if (not tenant or user.tenant == tenant) and user.tenant != not_of]


def host(world: World, at: int) -> str:
    """A host's entity."""
    return f"host:{world.names[at]}"


def takes_part(world: World, at: int, *others: str) -> tuple[str, ...]:
    """The entities of an attack at a host: the host too, unless everybody is there anyway (a login node)."""
    return others if world.plan.hosts[at].role == "login" else (host(world, at), *others)


def idle(world: World, attack: Attack, seconds: float) -> tuple[int, float]:
    """A host with accelerators that nobody uses just then, and until when at most."""
    found: list[tuple[float, int]] = []
    for at in range(len(world.names)):
        if not world.gpus[at] or world.plan.hosts[at].partition == "kube":
            continue
        runs = world.by_host.get(at, ())
        if any(run.start - 60 <= attack.start < run.end + 60 for run in runs):
            continue
        found.append((min((run.start for run in runs if run.start > attack.start), default=world.seconds), at))
    enough = [one for one in found if one[0] >= attack.start + seconds] or sorted(found, reverse=True)[:3]
    end, at = pick(enough, attack, "idle host")
    return at, min(end - 20.0, attack.start + seconds)


def job_id(world: World, attack: Attack, turn: int = 0) -> str:
    """A job of the attack's own, numbered between those that were submitted then; benign numbers are even."""
    numbers = (int(run.uid.rpartition("/")[2]) for run in world.runs if _before(run, attack.start))
    last = max((number for number in numbers if number % 2 == 0), default=52_000)
    return ids.job(world.plan.name, last + 1 + 2 * (turn + attack.place % 40))


def _before(run: Run, when: float) -> bool:
    return run.uid.startswith("job:") and run.submitted < when


def outside(attack: Attack, number: int = 0) -> str:
    """An address outside that nobody here uses."""
    rng = dice("outside", attack.id, number)
    return f"11.{rng.randrange(100, 250)}.{rng.randrange(250)}.{rng.randrange(1, 250)}"


def changed(
    hosts: Sequence[int],
    start: float,
    end: float,
    quantity: str,
    how: str,
    value: float,
    gpus: tuple[int, int] = (0, 8),
) -> Overlay:
    """What samples of these hosts show from `start` to `end`."""
    return Overlay(tuple(hosts), start, end, quantity, how, value, gpus)


def last_of(rows: Sequence[Row]) -> float:
    """The second of the last of some rows."""
    return max(row.time - EPOCH for row in rows) / SECOND


def spread(rng: Random, start: float, end: float, count: int) -> list[float]:
    """So many moments between two, in order."""
    return sorted(rng.uniform(start, end) for _ in range(count))
