"""Seeded estates and captures, for demonstrations, benches and tests."""

from collections.abc import Iterator

from ringfence.estate.facts import Fact
from ringfence.synth.draw import draw
from ringfence.synth.facts import facts
from ringfence.synth.plan import Cluster
from ringfence.synth.rates import SAFE, Rates

__all__ = ["SAFE", "Cluster", "Rates", "draw", "facts", "generate"]


def generate(nodes: int, seed: int = 0, rates: Rates | None = None) -> Iterator[Fact]:
    """The facts of a generated cluster of `nodes` GPU nodes (16 to 50,000); the same for the same seed."""
    yield from facts(draw(nodes, seed, rates))
