"""Slurm of one cluster: our reservations and partitions, by scontrol; slurm.conf is never written.

hold ──▶ partitions ──▶ change, create ──▶ delete ──▶ release the hold

While nodes go from one reservation to another, a hold keeps every job from starting on them, so no moment exists at
which they are nobody's and hence everyone's. Ours may overlap (`OVERLAP`): where two do, a job needs both. A crash
leaves the hold in force: closed, seen by `read`, and released by the next `apply`. Jobs that run already go on, also
those of a reservation that is deleted; ending them is the caller's first step between tenants.
"""

from collections.abc import Iterator, Mapping, Sequence

from ringfence.enforce import files
from ringfence.errors import EnforceError
from ringfence.segment.model import Artefact
from ringfence.wire.slurm import hostlist, show
from ringfence.wire.slurm.reserve import orders, reservations
from ringfence.wire.slurm.values import Partition, Reservation

PREFIX = "rf-"
HOLD = "rf-+hold"
Argv = tuple[str, ...]


class Slurm:
    """One cluster. `env` is the environment of scontrol, `SLURM_CONF` and all."""

    target = "slurm"

    def __init__(self, where: str, env: Mapping[str, str], programs: Argv = ("scontrol", "squeue")) -> None:
        self.where = where
        self._env, (self._program, self._list) = env, programs

    def read(self) -> str:
        """The commands that would make our reservations and partitions as they are now."""
        kept, partitions = self._now()
        lines = [f"scontrol {' '.join(_created(one))}" for one in kept]
        lines += [f"scontrol {' '.join(_made(one))}" for one in partitions]
        return "".join(f"{line}\n" for line in lines)

    def apply(self, artefact: Artefact) -> None:
        """Make it so. Raises `EnforceError` with the commands that were left."""
        self.restore(artefact.text)

    def restore(self, before: str) -> None:
        """The same with a text that `read` gave; "" takes all of ours away."""
        want = orders(before.encode())
        kept, partitions = self._now()
        todo = list(steps(kept, want.reservations, partitions, want.partitions))
        for at, step in enumerate(todo):
            try:
                self._take(step)
            except EnforceError as error:
                left = tuple(" ".join(one) for one in todo[at:])
                raise EnforceError(
                    error.what, remedy="what is held stays closed; apply again when the cause is gone", left=left
                ) from error

    def _take(self, step: Argv) -> None:
        """One step; Slurm deletes no reservation that has jobs, so they are taken out of it first, and run on."""
        name = step[1].partition("=")[2]
        if step[0] == "delete" and step[1].startswith("ReservationName="):
            jobs = files.run([self._list, "-h", "-R", name, "-o", "%A"], env=self._env).split()
            for job in dict.fromkeys(jobs):
                self._ask("update", f"JobId={job}", "ReservationName=")
        self._ask(*step)

    def _now(self) -> tuple[tuple[Reservation, ...], tuple[Partition, ...]]:
        kept = reservations(self._ask("-o", "show", "reservation").encode())
        partitions = show.read(self._ask("-o", "show", "partition").encode()).partitions
        ours = (one for one in kept if one.name.startswith(PREFIX))
        made = (one for one in partitions if one.name.startswith(PREFIX))
        return tuple(sorted(ours)), tuple(sorted(made, key=lambda one: one.name))

    def _ask(self, *argv: str) -> str:
        return files.run([self._program, *argv], env=self._env)


def steps(
    have: Sequence[Reservation], want: Sequence[Reservation], had: Sequence[Partition], wanted: Sequence[Partition]
) -> Iterator[Argv]:
    """The commands that lead from what is to what is meant, each the arguments of one scontrol."""
    old = {one.name: one for one in have if one.name != HOLD}
    new = {one.name: one for one in want if one.name != HOLD}
    changed = sorted(name for name in old.keys() | new.keys() if _key(old.get(name)) != _key(new.get(name)))
    if len(old) < len(have):
        yield "delete", f"ReservationName={HOLD}"
    if changed:
        nodes = {node for side in (old, new) for name in changed for node in _nodes(side.get(name))}
        yield _created(Reservation(HOLD, hostlist.fold(nodes), users=("root",), flags=("IGNORE_JOBS", "MAINT")))
    yield from _partitions(had, wanted)
    for one in (new[name] for name in changed if name in new):
        stands = one.name in old
        yield ("update", f"ReservationName={one.name}", f"Nodes={one.nodes}", _who(one)) if stands else _created(one)
    yield from (("delete", f"ReservationName={name}") for name in changed if name not in new)
    if changed:
        yield "delete", f"ReservationName={HOLD}"
    for name in sorted({one.name for one in had} - {one.name for one in wanted}):
        yield "delete", f"PartitionName={name}"  # last: Slurm keeps one that has jobs, and it opens nothing


def _nodes(one: Reservation | None) -> set[str]:
    return set(hostlist.expand(one.nodes)) if one else set()


def _partitions(had: Sequence[Partition], wanted: Sequence[Partition]) -> Iterator[Argv]:
    old = {one.name: _made(one) for one in had}
    for one in wanted:
        if one.name not in old:
            yield _made(one)
        elif old[one.name] != _made(one):
            yield "update", *_made(one)[1:]


def _key(one: Reservation | None) -> object:
    """What makes two reservations the same; flags that Slurm adds by itself do not count."""
    return one and (_nodes(one), set(one.accounts or one.users))


def _who(one: Reservation) -> str:
    return f"Accounts={','.join(one.accounts)}" if one.accounts else f"Users={','.join(one.users)}"


def _created(one: Reservation) -> Argv:
    flags = ",".join(flag for flag in one.flags if flag in ("IGNORE_JOBS", "MAGNETIC", "MAINT", "OVERLAP"))
    first = ("create", "reservation", f"ReservationName={one.name}", f"Nodes={one.nodes}", _who(one))
    return (*first, "StartTime=now", "Duration=UNLIMITED", f"Flags={flags}")


def _made(one: Partition) -> Argv:
    who, over = ",".join(one.accounts) or "ALL", one.oversubscribe or "NO"
    first = ("create", f"PartitionName={one.name}", f"Nodes={one.nodes}")
    return (*first, f"AllowAccounts={who}", f"OverSubscribe={over}", "State=UP")
