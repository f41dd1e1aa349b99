"""A compromised job mines: a busy process with a miner's name, and a pool outside."""

from collections.abc import Sequence

from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.kinds.programs import mine, pool
from ringfence.app.lab.stage import PYTHON, Stage

PORT = 3333
SECONDS = 20.0
NAME = "xmrig"
about = About(
    name="mining",
    title="A job mines",
    what=f"The compromised job starts a process called {NAME}, which speaks a few lines of stratum with a stand-in "
    f"pool outside, at port {PORT}, and keeps half a core busy for {SECONDS:.0f} seconds. It finds nothing.",
    seen="the process by its name and command line, and the connection by its port. That accelerators work without "
    "tensor cores is not seen: the lab has none",
)


def play(stage: Stage, rate: float) -> Sequence[str]:
    """The pool first."""
    del rate  # next to nothing is sent
    listening = [PYTHON, str(stage.program(pool)), stage.outside, str(PORT), str(SECONDS + 10)]
    stage.run(stage.layout.machine("out"), listening)
    stage.wait_for_port(PORT)
    words = [stage.program(mine, NAME), "-o", f"stratum+tcp://{stage.outside}:{PORT}", stage.log(), SECONDS]
    stage.compromise(f"exec {' '.join(map(str, words))}")
    return ()


def longest(rate: float) -> float:
    """The miner is bounded by itself."""
    return SECONDS + 10


def hosts(stage: Stage) -> tuple[str, ...]:
    """The job's node."""
    return (stage.node().name,)
