"""What a detector is: a few words about itself, and a state that takes batches in and gives signals out.

        about: what it sees, on which classes of event, at which stage
        state = detector.start()      plain values only, so that it can be saved as JSON or msgpack
        signals = detector.step(state, batch, view)        events of the batch; `state` is changed in place
        signals = detector.tick(state, now, view)          time passes, whether or not events come

`node` detectors see every event of the hosts that their process has, and no others. `joint` detectors see the whole
cluster, condensed: host and flow intervals, and the rare classes as they are.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.roster import Roster
from ringfence.watch.site import Site
from ringfence.watch.values import DETECTOR, Signal

NODE, JOINT = "node", "joint"


class About(msgspec.Struct, frozen=True):
    """A detector in a few words. `meaning` is one sentence; `sees` the classes of event that it reads.

    `false` says when it is wrong: what honest work looks the same. `threats` of `estate.threats`; ATLAS and ATT&CK ids.
    `seconds` is the interval within which it can notice, where only samples exist.
    """

    id: str
    name: str
    title: str
    meaning: str
    stage: str
    sees: tuple[int, ...]
    threats: tuple[str, ...]
    atlas: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    false: str = ""
    severity: int = 50
    urgent: bool = False
    seconds: float = 0.0


class View(msgspec.Struct, frozen=True):
    """What a detector may look at beside its own state: the estate, and who runs what where just now.

    `phases` is job → the phase of training that it is in, as far as it is learned.
    """

    site: Site
    roster: Roster
    phases: Mapping[str, str] = {}

    def phase(self, job: str) -> str:
        """The phase of a job, "" where not known."""
        return self.phases.get(job, "")


class Detector(Protocol):
    """One detector. `State` is a mutable `msgspec.Struct` of plain values, dicts, lists and sets."""

    about: About
    State: type[Any]

    def step(self, state: Any, batch: Batch, view: View) -> Iterable[Signal]:
        """What this batch shows. Called only for batches with a class of `about.sees`."""

    def tick(self, state: Any, now: int, view: View) -> Iterable[Signal]:
        """What the time (microseconds, of events) shows; called once a second of event time at most."""


def signal(about: About, **said: Any) -> Signal:
    """A signal of this detector, with what it always says filled in."""
    fixed: dict[str, Any] = {
        "name": about.id,
        "kind": DETECTOR,
        "title": about.title,
        "severity": about.severity,
        "threats": about.threats,
        "atlas": about.atlas,
        "attack": about.attack,
        "urgent": about.urgent,
    }
    return Signal(**(fixed | said))
