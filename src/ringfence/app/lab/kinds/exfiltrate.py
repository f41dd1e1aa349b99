"""A compromised training job reads the weights that it may read, and sends them outside by a way that it may use."""

from collections.abc import Sequence

from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.layout import MODEL_BYTES
from ringfence.app.lab.stage import Stage

about = About(
    name="exfiltrate",
    title="Weights leave through a compromised training job",
    what="A poisoned package in a running job of tenant a reads the model from the storage and sends it outside over "
    "TCP, by the mirror that the tenant's jobs may use.",
    seen="a connection out of the cluster and its bytes, by the node's agent",
)


def play(stage: Stage, rate: float) -> Sequence[str]:
    """The job's own process is told to."""
    stage.compromise(stage.carrying(rate))
    return ()


def longest(rate: float) -> float:
    """As long as the whole model takes, and something more."""
    return 30.0 + 1.3 * MODEL_BYTES / (rate or 250e6)


def hosts(stage: Stage) -> tuple[str, ...]:
    """The job's node, whose process it is."""
    return (stage.node().name,)
