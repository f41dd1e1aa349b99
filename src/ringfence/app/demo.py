"""The founding story, computed: nothing here knows what the answer will be.

synth.story ─▶ estate ─▶ Questions ─▶ what falls, the worst paths, the cuts ─▶ report
                  └────▶ Design ────▶ the fence, its proofs, what still falls; and whether a job is cut
synth, month by month ─▶ estates ─▶ debt beside compute, and the fixes that buy most
"""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ringfence.analyse.reach import Reached, reach_from
from ringfence.app.assess.debt_demo import debt_picture
from ringfence.app.fence.design import Design
from ringfence.app.questions import Questions
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.permits import Permits
from ringfence.synth.story import START, plan, story
from ringfence.synth.traffic import Use, traffic

SEED = 0


class Demo:
    """The story of one seed, and what the product says of it."""

    def __init__(self, facts: Iterable[Fact] | None = None) -> None:
        self.asked = Questions(estate_of(story(SEED) if facts is None else facts))
        self.held = [START]

    @cached_property
    def reached(self) -> Reached:
        """What the workstation reaches."""
        return reach_from(self.asked.graph, self.asked.footholds(self.held))

    @cached_property
    def fallen(self) -> dict[str, list[str]]:
        """Hosts of the cluster on which the attacker holds something → what: a shell, or an accelerator's memory."""
        return self.asked.fallen(self.reached)

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

    def worst_paths(self) -> list[dict[str, Any]]:
        """The quickest way to a jewel of each kind."""
        return self.asked.worst(self.reached, 3)

    @cached_property
    def cuts(self) -> list[Any]:
        """Every choke point, the best first."""
        return self.asked.cuts(self.held)

    def best_cuts(self) -> list[dict[str, Any]]:
        """The three cuts that save most together."""
        return self.asked.best_cuts(self.held, self.cuts)

    @cached_property
    def design(self) -> Design:
        """The fence that follows from the same facts, on paper."""
        return Design(self.asked.estate)

    @cached_property
    def debt(self) -> dict[str, Any]:
        """Ten months of another cluster, that grows: what it owes, and the three fixes that buy most."""
        return debt_picture()

    @cached_property
    def used(self) -> dict[str, int]:
        """What the cluster's jobs and people really do, by plane; drawn from the plan, apart from any policy."""
        return dict(Counter(use.plane for use in self._traffic))

    @cached_property
    def hindered(self) -> list[Use]:
        """What of it no rule lets through: it should be nothing."""
        permits = Permits(self.design.policy)
        return [use for use in self._traffic if not permits.rule(use.plane, use.source, use.target, use.what)]

    @cached_property
    def _traffic(self) -> list[Use]:
        return list(traffic(plan(SEED)))
