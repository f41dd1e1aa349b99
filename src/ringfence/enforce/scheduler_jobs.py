"""Jobs that are cancelled, and do not come back.

        requeue off ─▶ KILL to the batch script ─▶ scancel ─▶ squeue, until nothing of it is left

scancel asks with SIGTERM and gives a job `KillWait` seconds (30) to heed it, in which it goes on sending. A batch
script can be killed before that, its steps cannot: `--signal=KILL` without `--batch` is but a scancel, and once a job
is completing no signal reaches it any more. Such a job is left to slurmd; it is not told as gone before it is, which
is no error, for it is cancelled and cannot come back. A user may requeue a job of his own that was
cancelled, past every submit limit, for as long as slurmctld remembers it; with requeue off, not (measured on 22.05).

Slurm gives numbers anew after its state was lost, so the account of each job is kept: a job of that number that is
somebody else's is another job. One that Slurm did not know when it was asked for is never touched later.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import msgspec

from ringfence.enforce.kept import Kept
from ringfence.errors import EnforceError

AT_MOST = 5.0
"""Seconds to wait until a job that was cancelled is gone."""

_JOB = re.compile(r"[0-9]{1,10}(?:[_+][0-9]{1,7})?")
_OVER = frozenset(
    (
        *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED"),
        *("NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"),
    )
)
_UNKNOWN = "Invalid job id specified"


class Asked(msgspec.Struct, frozen=True):
    """Jobs asked for, each with its account; "" for one that Slurm did not know then."""

    owners: Mapping[str, str] = {}


class Row(msgspec.Struct, frozen=True):
    """One line of squeue: all the names of the job, its account, its state."""

    names: frozenset[str]
    owner: str
    state: str


class Jobs:
    """The jobs of one cluster. `ask` runs one of Slurm's commands; `path` is the file of what was asked for."""

    def __init__(self, ask: Callable[..., str], path: Path) -> None:
        self._ask, self._kept = ask, Kept(path, Asked)

    def read(self) -> tuple[str, ...]:
        """Those asked for of which nothing runs, waits or is ending now."""
        owners = self._kept.load().owners
        left = self._left(owners)
        return tuple(sorted(one for one in owners if one not in left))

    def apply(self, jobs: tuple[str, ...]) -> None:
        """These are cancelled for good; a job that was asked for before and is no longer stays as it is."""
        refused = sorted(one for one in jobs if not _JOB.fullmatch(one))
        wanted = sorted(set(jobs) - set(refused))
        kept, rows = self._kept.load().owners, self._rows(wanted)
        owners = {one: kept.get(one) or _owner(rows, one, known=one in kept) for one in wanted}
        self._kept.save(Asked(owners))
        left = {job: states for job, states in self._end(owners).items() if states != {"COMPLETING"}}
        if left or refused:
            said = [f"{job} is still {', '.join(sorted(states))}" for job, states in sorted(left.items())]
            said += [f"no number of a job: {one[:40]!r}" for one in refused]
            raise EnforceError("; ".join(said)[:500], "apply again" if left else "")

    def _end(self, owners: Mapping[str, str]) -> Mapping[str, set[str]]:
        """Kill and cancel until nothing is left, `AT_MOST` seconds; what is left then, with its states."""
        until, pause = monotonic() + AT_MOST, 0.05
        left = self._left(owners)
        while left and monotonic() < until:
            again = sorted(job for job, states in left.items() if states != {"COMPLETING"})
            for at in range(0, len(again), 500):
                self._kill(again[at : at + 500])
            sleep(pause)
            pause = min(2 * pause, 1.0)
            left = self._left(owners)
        return left

    def _kill(self, jobs: list[str]) -> None:
        """What each command says counts for nothing: a job may end at any moment, and squeue tells whether it has."""
        for argv in (
            ("scontrol", "update", f"JobId={','.join(jobs)}", "Requeue=0"),
            ("scancel", "--quiet", "--signal=KILL", "--batch", *jobs),
            ("scancel", "--quiet", *jobs),
        ):
            with suppress(EnforceError):
                self._ask(*argv)

    def _left(self, owners: Mapping[str, str]) -> dict[str, set[str]]:
        """Job → states of what is left of it."""
        found: dict[str, set[str]] = {}
        for row in self._rows(sorted(one for one, owner in owners.items() if owner)):
            for job in row.names & owners.keys() if row.state not in _OVER else ():
                if owners[job] == row.owner:
                    found.setdefault(job, set()).add(row.state)
        return found

    def _rows(self, jobs: list[str]) -> list[Row]:
        """Every job, task and component that slurmctld remembers of these; none where it knows none of them."""
        if not jobs:
            return []
        form = ("--noheader", "--all", "--array", "--states=all", "--format=%A|%F|%i|%u|%T")
        try:
            shown = self._ask("squeue", *form, f"--jobs={','.join(jobs)}")
        except EnforceError as error:
            if _UNKNOWN in error.what:
                return []
            raise
        return [_row(line) for line in shown.splitlines() if line.strip()]


def _row(line: str) -> Row:
    parts = line.strip().split("|")
    if len(parts) != 5:
        raise EnforceError(f"squeue tells jobs in a form that is not known: {line[:100]!r}")
    number, array, shown, owner, state = parts
    names = {array, shown, shown.partition("+")[0]} | ({number} if "+" not in shown else set())
    return Row(frozenset(names), owner, state)


def _owner(rows: Iterable[Row], job: str, *, known: bool) -> str:
    """The account of a job that is asked for now; one that Slurm did not know then has none for ever."""
    return "" if known else next((row.owner for row in rows if job in row.names), "")
