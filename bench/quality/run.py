"""The stream that is replayed: benign days of a generated cluster, with the attacks of a set among them."""

from collections.abc import Iterator, Sequence

from ringfence.synth import draw
from ringfence.synth.telemetry import BENIGN, World, chunks, world
from ringfence.watch.batch import Batch

HOUR = 3600


def cluster_days(nodes: int, hours: float, seed: int) -> World:
    """The cluster over these hours, without attacks."""
    return world(draw(nodes, seed), seed, int(hours * HOUR))


def stream(
    set_name: str = "benign", nodes: int = 64, hours: float = 1, seed: int = 1, hosts: Sequence[int] | None = None
) -> Iterator[Batch]:
    """A batch a minute of what the sensors send, of all hosts or some (by index)."""
    days = cluster_days(nodes, hours, seed)
    for record in chunks(days, BENIGN, hosts=hosts):
        yield Batch(record)
