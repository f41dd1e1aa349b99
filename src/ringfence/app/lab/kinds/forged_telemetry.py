"""Root on one node lies to the watch with that node's own key, to have healthy hosts cut."""

import sys
from collections.abc import Sequence

from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.kinds.programs import forge
from ringfence.app.lab.layout import BOB, TELEMETRY_PORT
from ringfence.app.lab.stage import Stage
from ringfence.app.lab.work import shares

SECONDS = 25.0
about = About(
    name="forged_telemetry",
    title="Telemetry is forged",
    what="With the key of one node's agent somebody tells the watch that tenant b's nodes send weights, run miners, "
    "are silent and log in where they do not, floods it, and sends the same again and again.",
    seen="that a source speaks for others and sends again what was received; the lies about others are refused. A lie "
    "of the node about itself, such as a login from a healthy host, cannot be told from the truth: it is one source's "
    "word, and no more is done on it than on one",
)


def play(stage: Stage, rate: float) -> Sequence[str]:
    """Nobody healthy may be cut because of it: the row's bystanders say so."""
    del rate  # nothing is sent but lies
    node, ctl = stage.node(), stage.layout.machine("ctl")
    others = [one for account, nodes in shares(stage.layout) if account == BOB for one in nodes]
    words = [str(stage.layout.home(node) / "agent"), ctl.address, str(TELEMETRY_PORT), str(stage.log()), str(SECONDS)]
    lies = [f"{one.name}={one.address}" for one in others]
    stage.run(node, [sys.executable, "-m", forge.__name__, *words, *lies])
    return (f"lies about {', '.join(one.name for one in others)}",)


def longest(rate: float) -> float:
    """The program is bounded by itself; what it told is thought over for a while."""
    return SECONDS + 10


def hosts(stage: Stage) -> tuple[str, ...]:
    """The node whose key it is."""
    return (stage.node().name,)
