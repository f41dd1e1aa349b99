"""Ends a fork of this process with SIGKILL at the n-th moment at which one of some functions begins, or ends.

A test runs modules that do so as processes of their own, which bear no other threads: `told`.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NoReturn

BEGINS, ENDS = "call", "return"
"""Moments of a step, as a profiler is told of them."""


class Killer:
    """A profiler that counts the moments of `steps`, and ends the process at number `at` of them.

    -1: at none, they are only counted; None: not even that. `seen`: a file for the count of a fork that is not killed.
    `on`: which moments.
    """

    def __init__(
        self, steps: Collection[CodeType], at: int | None, on: Collection[str] = (BEGINS,), seen: Path | None = None
    ) -> None:
        self.steps, self.at, self.on = steps, at, on
        self._seen, self._count, self._lock = seen, 0, threading.Lock()

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if frame.f_code in self.steps and event in self.on:
            with self._lock:
                if self._count == self.at:
                    os.kill(os.getpid(), signal.SIGKILL)
                self._count += 1

    def begin(self) -> None:
        """Count from now on, in threads that begin later too."""
        if self.at is not None:
            threading.setprofile(self)
            sys.setprofile(self)

    def end(self, code: int = 0) -> NoReturn:
        """Write the count, and end the process at once: nothing is closed."""
        sys.setprofile(None)
        if self._seen and self.at is not None:
            self._seen.write_text(str(self._count))
        os._exit(code)


def forked(do: Callable[[], object], killer: Killer) -> int:
    """Do it in a fork; its exit status: -9 if it was killed, 0 or what `killer.end` was given, 99 if it failed."""
    child = os.fork()
    if child == 0:
        try:
            killer.begin()
            do()
            killer.end()
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def died(do: Callable[[], object], killer: Killer) -> bool:
    """Do it in a fork; whether it was killed. What was not has to come to its end without an error."""
    status = forked(do, killer)
    assert status in (0, -signal.SIGKILL), status
    return status == -signal.SIGKILL


def told(module: str, *words: object, seconds: float = 300) -> Any:
    """What `python -m tests.live.MODULE WORDS…` has found, from its JSON."""
    argv = (sys.executable, "-m", f"tests.live.{module}", *map(str, words))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
