"""The generated cluster's own estate, as the witness of the watch."""

from collections.abc import Iterator

from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.synth import Rates, draw, facts
from ringfence.synth.plan import Cluster

RATES = Rates(compute_reaches_outside=1.0)
"""Jobs may fetch and report outside, as they do on most clusters; all else is misconfigured as often as ever."""


def cluster(nodes: int, seed: int) -> Cluster:
    """The plan of the cluster that is replayed."""
    return draw(nodes, seed, RATES)


def estate(plan: Cluster) -> Estate:
    """What a survey before the replay would say. Of jobs it says nothing: those of the replay have not begun."""
    return estate_of(_standing(plan), b"generated")


def _standing(plan: Cluster) -> Iterator[Fact]:
    for fact in facts(plan):
        if not fact.subject.startswith("job:") and not fact.object.startswith("job:"):
            yield fact
