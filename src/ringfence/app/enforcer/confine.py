"""The one request that ordinary users may make: put my own task where my job belongs.

The caller names nothing that is believed: process and user come from the kernel, the job from the process's
ancestors. A job number in the request is only compared.
"""

from pathlib import Path

from ringfence.app.enforcer.hooks import Caller
from ringfence.collect import processes
from ringfence.enforce import confine
from ringfence.errors import EnforceError
from ringfence.wire.hooks import Answer


class Confine:
    """`steppers` are the paths of the slurmstepd whose children are tasks."""

    def __init__(self, steppers: tuple[str, ...]) -> None:
        self._steppers = steppers

    def move(self, caller: Caller, job: str) -> Answer:
        """The caller's task into the group of the job that it belongs to."""
        found = processes.membership(caller.pid, caller.uid, processes.installed(self._steppers))
        if isinstance(found, str):
            return Answer("refused", f"process {caller.pid} belongs to no job: {found}")
        if job and job != found.job:
            return Answer("refused", f"process {caller.pid} belongs to job {found.job}, not to {job}")
        if confine.confined(found.leader.pid, found.job):
            return Answer("done", f"job {found.job}: it was there already")
        moved = confine.move(found.leader, found.job, confine.mount())
        return Answer("done", f"job {found.job}: {moved} processes moved")

    def drop(self, job: str) -> tuple[str, ...]:
        """The group of a job that has ended, if there is one and nobody is in it."""
        try:
            root: Path = confine.mount()
        except EnforceError:
            return ()
        return () if confine.drop(root, job) else (f"processes are still in {confine.group_of(job)}",)
