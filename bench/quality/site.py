"""The generated cluster of a replay."""

from ringfence.app.generate_logs import RATES
from ringfence.app.generate_logs import estate_before as estate
from ringfence.synth import draw
from ringfence.synth.plan import Cluster

__all__ = ["cluster", "estate"]


def cluster(nodes: int, seed: int) -> Cluster:
    """The plan of the cluster that is replayed."""
    return draw(nodes, seed, RATES)
