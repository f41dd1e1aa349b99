"""Slurm of one cluster, as containment wants it: accounts that submit nothing, jobs that are gone, nodes that drain.

                    ┌─▶ accounts  sacctmgr     limits of each association kept ─▶ 0 ─▶ read back, also from slurmctld
        document ───┼─▶ jobs      scancel      their accounts kept ─▶ no requeue, killed, cancelled ─▶ gone
                    └─▶ nodes     scontrol     state and reason kept ─▶ drained ─▶ read back

The three run side by side and know nothing of one another: where slurmdbd does not answer, nodes are drained all the
same. What was before stands in files of `folder` before anything is changed, so that a kill between any two steps, or
one document after another, leads back to the same. Reservations are the fence's and are not looked at.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from ringfence.enforce import files
from ringfence.enforce.scheduler_jobs import Jobs
from ringfence.enforce.scheduler_nodes import Nodes
from ringfence.enforce.scheduler_users import Users
from ringfence.errors import EnforceError, InputError, RingfenceError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import OnScheduler, decode, encode

PATIENCE = 10.0
"""Seconds that one of Slurm's commands may take; they wait by themselves for a controller that is starting."""

MOST = 10_000
"""Accounts, jobs or nodes that one document may name."""

_Told = TypeVar("_Told")


class Scheduler:
    """One cluster. `env` is that of Slurm's commands, `SLURM_CONF` and all; `folder` holds what was before."""

    target = "scheduler"

    def __init__(self, where: str, env: Mapping[str, str], folder: Path, patience: float = PATIENCE) -> None:
        self.where = where
        ask = partial(_ask, env=dict(env), patience=patience)
        self._users = Users(ask, folder / "accounts.json")
        self._jobs = Jobs(ask, folder / "jobs.json")
        self._nodes = Nodes(ask, folder / "nodes.json")

    def read(self) -> str:
        """What is so now of what was asked for, as the document of it; "" where nothing is. Slurm is asked."""
        told = self._each({"accounts": self._users.read, "jobs": self._jobs.read, "nodes": self._nodes.read}, "read")
        return encode(OnScheduler(told["accounts"], told["jobs"], told["nodes"], self._nodes.reason()))

    def apply(self, artefact: Artefact) -> None:
        """Make the document so, each part by itself. Raises `EnforceError` that names the parts that are not done."""
        self.restore(artefact.text)

    def restore(self, before: str) -> None:
        """The same with a text that `read` gave; "" takes back all that can be: a cancelled job stays cancelled."""
        want = decode(before, OnScheduler)
        if max(len(want.users), len(want.jobs), len(want.nodes)) > MOST:
            raise InputError(f"a document of more than {MOST:,} accounts, jobs or nodes")
        parts = {
            "accounts": partial(self._users.apply, want.users),
            "jobs": partial(self._jobs.apply, want.jobs),
            "nodes": partial(self._nodes.apply, want.nodes, want.reason),
        }
        self._each(parts, "done")

    def _each(self, parts: Mapping[str, Callable[[], _Told]], verb: str) -> dict[str, _Told]:
        """Every part's answer, side by side; one that fails does not keep another from its end."""
        with ThreadPoolExecutor(len(parts)) as pool:
            begun = {name: pool.submit(part) for name, part in parts.items()}
        failed = {name: error for name, one in begun.items() if isinstance(error := one.exception(), RingfenceError)}
        if failed:
            said = "; ".join(f"{name} are not {verb}: {' '.join(error.what.split())}" for name, error in failed.items())
            rest = " and ".join(name for name in parts if name not in failed)
            left = tuple(one for error in failed.values() for one in getattr(error, "left", ()))
            remedy = next((error.remedy for error in failed.values() if error.remedy), "apply again")
            raise EnforceError(f"{self.where}: {said}" + (f"; {rest} are" if rest else ""), remedy, left)
        return {name: one.result() for name, one in begun.items()}


def _ask(*argv: str, env: Mapping[str, str], patience: float) -> str:
    return files.run(argv, env=env, patience=patience)
