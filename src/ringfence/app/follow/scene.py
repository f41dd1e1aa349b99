"""The scene of a derivation in which jobs come and go, while all else stands as the estate says.

An estate is read once; a job is a few facts about itself. What the derivation asks of jobs is kept in the very
relations that `Seen` would have read from an estate with these jobs in it, so that every function of `segment`
answers as it would there.
"""

from collections.abc import Iterable

from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.segment.scene import Scene
from ringfence.segment.seen import Relation, Seen
from ringfence.segment.workflow import Gang, gang, leader

JOB = "job:slurm/"


class LiveSeen(Seen):
    """The relations of an estate, to which the facts of jobs are added and from which they are taken."""

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self._told: dict[str, tuple[Fact, ...]] = {}

    def tell(self, job: str, facts: Iterable[Fact]) -> None:
        """Take up a job, in place of what was told of it before."""
        self.forget(job)
        self._told[job] = tuple(fact for fact in facts if fact.subject == job)
        for fact in self._told[job]:
            _lists(self.of(fact.predicate)).setdefault(job, []).append(fact.object)
            _lists(self.by(fact.predicate)).setdefault(fact.object, []).append(job)

    def forget(self, job: str) -> None:
        """Drop a job; nothing if it is not known."""
        for fact in self._told.pop(job, ()):
            _lists(self.of(fact.predicate)).pop(job, None)
            about = _lists(self.by(fact.predicate))
            about[fact.object].remove(job)
            if not about[fact.object]:
                del about[fact.object]

    def told(self, job: str) -> tuple[Fact, ...]:
        """What was told of a job."""
        return self._told.get(job, ())


class LiveScene(Scene):
    """The scene of an estate without its jobs. `pipelines` are those of the estate with them: data that was seen."""

    def __init__(self, estate: Estate) -> None:
        jobs = [fact for fact in estate.facts() if fact.subject.startswith(JOB)]
        super().__init__(LiveSeen(estate.with_delta(removed=jobs)))
        self.pipelines = Scene(Seen(estate)).pipelines
        self.gangs = {name: one for name, one in self.gangs.items() if not one.jobs}
        self.at = {}
        for one in self.gangs.values():
            self._place(one)
        self._runs: dict[str, set[str]] = {}
        self.known: dict[str, list[Fact]] = {}
        for fact in jobs:
            self.known.setdefault(fact.subject, []).append(fact)

    @property
    def live(self) -> LiveSeen:
        """The relations."""
        assert isinstance(self.seen, LiveSeen)
        return self.seen

    def tell(self, job: str, facts: Iterable[Fact]) -> set[str]:
        """A job holds hosts. The names of gangs that this concerns, those that are no more included."""
        concerned = self.forget(job)
        more = [fact for fact in self.known.get(job, ()) if fact.predicate != "runs_on"]
        self.live.tell(job, {(one.predicate, one.object): one for one in (*more, *facts)}.values())
        top = leader(self.seen, job)
        self._runs.setdefault(top, set()).add(job)
        return concerned | self._regang(top)

    def forget(self, job: str) -> set[str]:
        """A job holds nothing any more; as above."""
        top = leader(self.seen, job)
        if job not in self._runs.get(top, ()):
            return set()
        self._runs[top].remove(job)
        self.live.forget(job)
        return self._regang(top)

    def hosts_of(self, name: str) -> tuple[str, ...]:
        """The hosts of a gang; none if there is no such gang."""
        return self.gangs[name].hosts if name in self.gangs else ()

    def _regang(self, top: str) -> set[str]:
        """Make the gang of this leader anew; its name, and the names of the neighbours on its hosts."""
        name = "gang:" + top.removeprefix("job:")
        concerned = {name} | self._unplace(name)
        if jobs := self._runs[top]:
            self.gangs[name] = gang(self.seen, top, jobs)
            concerned |= self._place(self.gangs[name])
        else:
            del self._runs[top]
        self.shared = frozenset(host for host, found in self.at.items() if sum(1 for one in found if one.jobs) > 1)
        return concerned

    def _place(self, one: Gang) -> set[str]:
        near = set()
        at = self._at
        for host in one.hosts:
            at.setdefault(host, []).append(one)
            at[host].sort(key=lambda other: other.name)
            near |= {other.name for other in at[host]}
        return near

    def _unplace(self, name: str) -> set[str]:
        near = set()
        old = self.gangs.pop(name, None)
        for host in old.hosts if old else ():
            left = [other for other in self._at[host] if other.name != name]
            near |= {other.name for other in left}
            self._at[host] = left
            if not left:
                del self._at[host]
        return near

    @property
    def _at(self) -> dict[str, list[Gang]]:
        assert isinstance(self.at, dict)
        return self.at


def _lists(relation: Relation) -> dict[str, list[str]]:
    assert isinstance(relation, dict)
    return relation
