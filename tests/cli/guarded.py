"""A guard's and a watch's folder as a containment leaves them: queue, journal and pages are real, enforcers fakes."""

from pathlib import Path

from ringfence.app.guard import evidence as books
from ringfence.app.guard import pages, postmortem
from ringfence.app.guard.alerts import Where, where
from ringfence.app.guard.room import Room
from ringfence.app.watch.incidents import keep
from ringfence.respond import evidence
from ringfence.respond.values import DO, HOLD, Cut, Decision, Planned
from tests.respond import evidence_story
from tests.respond.fakes import FakeEnforcer

ID = "RF-0123456789ab"
JOB = "job:slurm/lab/41"
CUTS = (
    (Planned(Cut("block", "host:gpu03", "192.88.99.10"), "ends the way out", (JOB,), ("host:gpu03",)), DO, "own"),
    (Planned(Cut("end-flows", "host:gpu03", "all"), "what is open stays open else", (), ("host:gpu03",), False), DO,
     "own"),
    (Planned(Cut("cancel", "cluster:lab", "41"), "the job is the attacker's", (JOB,), (), False), HOLD, "grade"),
)  # fmt: skip
WHY = {
    "own": "a self-expiring block on the own host",
    "grade": "expel is harder than isolate, which nobody is asked for",
}


class Cluster:
    """Everything that the commands are given: `state`, `home`, a site file that names nothing."""

    def __init__(self, folder: Path) -> None:
        self.state, self.home, self.site = folder / "state", folder / "home", folder / "fence.toml"
        self.estate = folder / "cluster.estate"
        self.site.write_text("")
        self.enforcers = {one.cut.target: FakeEnforcer(one.cut.target, one.cut.place) for one, _, _ in CUTS}
        self.room = Room(self.state).make()

    @property
    def where(self) -> Where:
        return where(self.state, self.home, self.site, self.estate)

    @property
    def folders(self) -> list[str]:
        """What every command is given."""
        return ["--state", str(self.state), "--home", str(self.home)]

    def happened(self, incident=None, cuts=CUTS, incidents=ID, **planned):
        """An incident is found, planned, decided, and what is to be done is done and read back.

        `planned`: what the plan says besides its cuts.
        """
        found = incident or evidence_story.incident(incidents)
        keep(self.home, [found], {})
        book = books.Book(self.room.ledger)
        plan = evidence_story.plan(found.id, tuple(one for one, _, _ in cuts), found.version, **planned)
        now = found.updated / 1e6
        book.write([
            *(evidence.used(found, one, now) for one in found.signals),
            evidence.planned(plan, now),
            *(evidence.decided(plan, Decision(one.cut, verdict, rule, WHY[rule]), now) for one, verdict, rule in cuts),
        ])  # fmt: skip
        lanes = {(one.cut.target, one.cut.place): self.enforcers[one.cut.target] for one, _, _ in cuts}
        with self.room.act(lanes, book) as act:
            act.submit(found.id, [(one, verdict) for one, verdict, _ in cuts])
            act.settle(5.0)
        return found

    def paged(self, incident=ID):
        """Somebody is to be woken for it; nobody listens at that address."""
        pager = pages.Pager(self.state, pages.Settings(("http://127.0.0.1:1/hook",)))
        pager.page(incident, pages.body(incident, "weights leave", 90, "2 cut"), 1_790_000_000.0, "grade 2")
        pager.close()


def lines_of(cluster: Cluster) -> list[str]:
    """What the journal says, in order."""
    return [one.what for _, one in postmortem.lines_of(cluster.room.ledger)]
