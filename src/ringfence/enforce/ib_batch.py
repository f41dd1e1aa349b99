"""Many job events, few sweeps: opensm's cost is the sweep, not what changed in it.

        submit ─┐
        submit ─┼─▶ (a sweep is under way) ─▶ one sweep for all of them, with the newest state
        submit ─┘

What is submitted is the whole wanted state, so the newest one contains those before it, and those who submitted
earlier wait for the same sweep. Without anything under way a sweep begins after `gather` seconds.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Wanted = TypeVar("Wanted")


class Batch(Generic[Wanted]):
    """One thread that puts states in force, the newest first and the only one. `sweep` raises what its waiters get."""

    def __init__(self, sweep: Callable[[Wanted], None], gather: float = 0.02) -> None:
        self._sweep, self._gather = sweep, gather
        self._changed = threading.Condition()
        self._newest: tuple[Wanted] | None = None
        self._waiting: list[Future[None]] = []
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="ib-batch", daemon=True)
        self._thread.start()

    def submit(self, wanted: Wanted) -> Future[None]:
        """Done when a sweep that began after this call has been read back."""
        done: Future[None] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("the batch is closed")
            self._newest = (wanted,)
            self._waiting.append(done)
            self._changed.notify_all()
        return done

    def close(self) -> None:
        """Put in force what was submitted, then end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest or self._closed)
                if self._newest is None:
                    return
                self._changed.wait_for(lambda: self._closed, self._gather)
                (wanted,), waiting = self._newest, self._waiting
                self._newest, self._waiting = None, []
            try:
                self._sweep(wanted)
            except BaseException as error:  # whoever waits is told, and the next event is served
                for one in waiting:
                    one.set_exception(error)
            else:
                for one in waiting:
                    one.set_result(None)
