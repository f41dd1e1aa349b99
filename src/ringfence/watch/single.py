"""Both stages in one process: batches in, incidents out."""

from collections.abc import Iterable, Iterator, Sequence

from ringfence.watch.batch import Batch
from ringfence.watch.condense import INTERVAL, LATE
from ringfence.watch.detector import Detector
from ringfence.watch.engine import SECOND, JointStage, NodeStage
from ringfence.watch.roster import Roster
from ringfence.watch.rule_signals import Rules
from ringfence.watch.site import Site
from ringfence.watch.values import Incident


class Single:
    """One node stage over all hosts, and the joint stage behind it. The clock moves with the events."""

    def __init__(
        self, detectors: Sequence[Detector], site: Site, rules: Rules | None = None, roster: Roster | None = None
    ) -> None:
        self.node, self.joint = NodeStage(detectors, site, rules), JointStage(detectors, site, rules)
        self._ticked = 0
        if roster:
            self.node.start(roster)
            self.joint.start(roster)

    def take(self, batch: Batch) -> Iterator[Incident]:
        """The incidents that a batch makes new or changes."""
        yield from self.joint.step(self.node.step(batch))
        if self.node.clock - self._ticked >= SECOND:
            yield from self.tick(self.node.clock)

    def tick(self, now: int) -> Iterator[Incident]:
        """The same for time that passes without events."""
        self._ticked = now
        yield from self.joint.step(self.node.tick(now))
        yield from self.joint.tick(now)

    def end(self) -> Iterator[Incident]:
        """What only shows when the last interval closes."""
        yield from self.tick(self.node.clock + INTERVAL + LATE)
        yield from self.joint.end()


def replay(single: Single, batches: Iterable[Batch]) -> Iterator[Incident]:
    """Every change of every incident, in order: the last version of an id is what it came to."""
    for batch in batches:
        yield from single.take(batch)
    yield from single.end()
