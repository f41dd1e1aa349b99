"""A compromised job looks around, finds a key and goes on to the next node."""

from collections.abc import Sequence

from ringfence.app.lab import keyring
from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.kinds.programs import scan
from ringfence.app.lab.layout import ALICE
from ringfence.app.lab.stage import PYTHON, Stage

about = About(
    name="scan_and_pivot",
    title="A job scans its neighbours and pivots",
    what="The compromised job tries eight ports of every other host, finds a private key in its account's home, and "
    "logs in with it to the next node of its job. No weights leave.",
    seen="the scan, by the node's agent: the kernel tells of every connection that ends, refused ones too, though no "
    "longer whose it was; the login at the next node. That is no odd one: the account has a job there",
)
_LONGEST = 60.0


def play(stage: Stage, rate: float) -> Sequence[str]:
    """Begin in the training job; the key is there for the length of the trial."""
    del rate  # nothing is sent
    keyring.found_key(stage, ALICE, ALICE, keyring.home(stage, ALICE) / ".ssh" / "id_ed25519")
    program, target = stage.program(scan), stage.node(1).address
    roles = ("gpu", "login", "store", "ctl")
    others = [one.address for one in stage.layout.machines if one.role in roles and one != stage.node()]
    words = [PYTHON, program, stage.log(), keyring.config(stage), target, *others]
    stage.compromise(f"exec {' '.join(map(str, words))}")
    return ()


def longest(rate: float) -> float:
    """Scanning is bounded by the program itself."""
    return _LONGEST


def hosts(stage: Stage) -> tuple[str, ...]:
    """The job's node, and the next one."""
    return (stage.node().name, stage.node(1).name)
