"""Whether a job may start on this host: yes once its compartment is in force, and an answer in any case in time.

        in force ─▶ allow        failed ─▶ hold, at the deadline (the server may still mend it)
        released ─▶ allow        no word from our own side ─▶ the last verdict on this job, else `on_outage`

The order in which things came about plays no part: each look asks the keeper what is so now. Before `allow` what is
in force is read back: the disk says what was applied, not what stands.
"""

import asyncio
import time
from concurrent.futures import Executor

from ringfence.app.enforcer.keeper import Keeper
from ringfence.store.slots import FAILED, IN_FORCE
from ringfence.wire.hooks import Answer


class Gate:
    """The answer to `wait-job`. `deadline` in seconds, for those who name none; `worker` is the drivers' thread."""

    def __init__(self, keeper: Keeper, on_outage: str, deadline: float, worker: Executor | None = None) -> None:
        self._keeper, self.on_outage, self._deadline = keeper, on_outage, deadline
        self._worker = worker
        self._changed = asyncio.Event()
        self.connected = False

    def changed(self) -> None:
        """Something was carried out: those who wait look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, job: str, deadline: float = 0.0) -> Answer:
        """The verdict on a job, at the deadline at the latest."""
        try:
            async with asyncio.timeout(deadline or self._deadline):
                while True:
                    change = self._changed
                    if self._keeper.job(job)[0] == IN_FORCE:
                        await asyncio.get_running_loop().run_in_executor(self._worker, self._keeper.guard, job)
                    state, why = self._keeper.job(job)
                    if state in (IN_FORCE, "released"):
                        return self._say(job, "allow", f"{state}: {why}", keep=state == IN_FORCE)
                    await change.wait()
        except TimeoutError:
            return self._late(job, *self._keeper.job(job))

    def _late(self, job: str, state: str, why: str) -> Answer:
        if state == FAILED:
            return self._say(job, "hold", f"its compartment could not be put in force: {why}", keep=True)
        last = self._keeper.slots.verdict(job)
        side = "the server is connected but late" if self.connected else "the server is not connected"
        if last:
            return Answer(last, f"{side}; this was the last verdict on the job")
        return Answer(self.on_outage, f"{side}, {why}; on_outage = {self.on_outage}")

    def _say(self, job: str, verdict: str, why: str, *, keep: bool) -> Answer:
        if keep and self._keeper.slots.verdict(job) != verdict:
            self._keeper.slots.remember(job, verdict, int(time.time()))
        return Answer(verdict, why)
