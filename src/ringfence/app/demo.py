"""The founding story, computed: nothing here knows what the answer will be.

synth.story ─▶ estate ─▶ Questions ─▶ what falls, the worst paths, the cuts ─▶ report
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ringfence.analyse.reach import Reached, reach_from
from ringfence.app.questions import Questions
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import kind_of
from ringfence.synth.story import FOOTHOLD, story

SEED = 7


class Demo:
    """The story of one seed, and what the product says of it."""

    def __init__(self, facts: Iterable[Fact] | None = None) -> None:
        self.asked = Questions(estate_of(story(SEED) if facts is None else facts))
        self.held = [FOOTHOLD]

    @cached_property
    def reached(self) -> Reached:
        """What the workstation reaches."""
        return reach_from(self.asked.graph, self.asked.footholds(self.held))

    @cached_property
    def fallen(self) -> dict[str, list[str]]:
        """Hosts of the cluster on which the attacker holds something → what: a shell, or an accelerator's memory."""
        estate = self.asked.estate
        owner = {fact.object: fact.subject for fact in estate.facts("has_gpu")}
        fallen: dict[str, list[str]] = {}
        for at in self.reached.order.tolist():
            entity, _, capability = self.asked.text(at).rpartition("#")
            if kind_of(entity) == "host" and capability in ("root", "user"):
                fallen.setdefault(entity, []).append(f"a shell ({capability})")
            elif capability == "memory" and entity in owner:
                fallen.setdefault(owner[entity], []).append("GPU memory")
        return fallen

    @cached_property
    def lost(self) -> list[dict[str, Any]]:
        """Crown jewels reached: position and minutes, the quickest first."""
        graph, reached = self.asked.graph, self.reached
        rows = [
            {
                "position": self.asked.text(at),
                "minutes": [float(reached.minutes_low[at]), float(reached.minutes_high[at])],
            }
            for at in self.asked.jewel_positions.tolist()
            if reached.mask[at]
        ]
        assert len(graph)
        return sorted(rows, key=lambda row: (row["minutes"][1], row["position"]))

    def worst_paths(self, count: int = 3) -> list[dict[str, Any]]:
        """The quickest way to each of the first few jewels."""
        found = []
        for row in self.lost[:count]:
            found += [{"target": row["position"], **path} for path in self.asked.paths(self.held, row["position"], 1)]
        return found

    @cached_property
    def cuts(self) -> list[Any]:
        """Every choke point, the best first."""
        return self.asked.cuts(self.held)

    def best_cuts(self) -> list[dict[str, Any]]:
        """The three cuts that save most together."""
        return self.asked.best_cuts(self.held, self.cuts)
