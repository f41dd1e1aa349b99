"""A queue, fakes at every place of a plan, and clocks that are set by hand."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ringfence.respond.act import Act, Options
from ringfence.respond.lanes import Pace
from ringfence.respond.values import DO, Cut, Planned
from ringfence.store.actions import Lane
from ringfence.store.state import Database
from tests.respond.fakes import FakeEnforcer, MemoryEvidence

HOST, OTHER, FABRIC, CLUSTER = "host:gpu01", "host:gpu02", "network:ib/lab", "cluster:lab"
BLOCK, ENDED = Cut("block", HOST, "192.88.99.10"), Cut("end-flows", HOST, "192.88.99.10")
PORT, KEY = Cut("quarantine", FABRIC, "0x10"), Cut("revoke-key", HOST, "SHA256:abc")
USER, JOB, NODE = Cut("limit-user", CLUSTER, "bob"), Cut("cancel", CLUSTER, "17"), Cut("drain", CLUSTER, "gpu01")
PLAN = (BLOCK, PORT, ENDED, USER, KEY, JOB, NODE)
QUICK = Options(pace=Pace(patience=0.05, slow=0.05, deadline=0.3, first=0.01, longest=0.05, fresh=0.01))


class Clocks:
    """Wall and monotonic; both move by `pass_`, the wall alone by `set`."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_800_000_000.0, 1000.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def set(self, by: float) -> None:
        self.wall += by


class Site:
    """One queue in `folder`, with an enforcer for every lane that is asked for, a fake unless one is given."""

    def __init__(self, folder: Path, *given: Any) -> None:
        self.folder = folder
        self.lanes: dict[Lane, Any] = {(one.target, one.where): one for one in given}
        self.evidence = MemoryEvidence()
        self.database = Database.open(folder / "state.sqlite")

    def act(self, options: Options = QUICK, **more: Any) -> Act:
        return Act(self.database, self.enforcer, self.evidence, options=options, **more)

    def enforcer(self, target: str, place: str) -> Any:
        return self.lanes.setdefault((target, place), FakeEnforcer(target, place))

    def there(self, cut: Cut) -> str:
        return str(self.enforcer(cut.target, cut.place).there)


def do(cuts: Iterable[Cut], verdict: str = DO) -> list[tuple[Planned, str]]:
    """As the guard decided them."""
    return [(Planned(one, "it is what the attacker holds"), verdict) for one in cuts]
