"""The cuts of a plan as they come together: each once, with whom it disturbs and why."""

from collections.abc import Iterable, Sequence

import msgspec

from ringfence.respond.ground import Ground
from ringfence.respond.measures import Whom, cuts, measure, sources, whom
from ringfence.respond.plan_held import Held
from ringfence.respond.separate_options import ALL, MOST_PLACES, Option, Path
from ringfence.respond.values import Cut, Planned
from ringfence.respond.verbs import VERBS, Grade
from ringfence.watch.values import Signal

_LONGEST = 400
_NAMED = 3
_WHOLE = ("isolate", "quarantine", "hard-cut")
"""Verbs that cut a host off, so that those it serves notice."""


class Gathered:
    """Cuts by what they are; one for two reasons is one cut. `missing`: sentences on what cannot be done."""

    def __init__(self, ground: Ground, never: frozenset[str]) -> None:
        self.ground, self.never = ground, never
        self._protected: list[str] = []
        self._unreached: dict[tuple[str, str, str], dict[str, None]] = {}
        self._cuts: dict[Cut, Planned] = {}
        self._parting: set[Cut] = set()

    def option(self, one: Option, path: Path | None) -> None:
        """What separates, with the path that only it breaks."""
        why = self._on_the_way(one, path) if path else "one of many that together leave no way to a jewel"
        for cut in one.cuts:
            hosts = one.hosts if not cut.place.startswith("host:") else frozenset({cut.place})
            if cut.verb in _WHOLE:
                hosts = frozenset().union(*map(self.ground.felt, hosts))
            self._cuts[cut] = Planned(cut, why, tuple(sorted(one.jobs)), tuple(sorted(hosts)))
            self._parting.add(cut)

    def add(self, cut: Cut, why: str, about: Whom, needed: bool) -> None:
        """A cut that fits a signal or makes others last; left out where nobody can do it or it must never be done."""
        if not self.ground.can(cut.target, cut.place):
            self._unreached.setdefault((cut.verb, cut.target, cut.place), {})[cut.subject] = None
            return
        jobs, hosts = self._felt(cut, about)
        if not self.never.isdisjoint({cut.place, f"identity:{cut.subject}", f"ibport:{cut.subject}", *jobs, *hosts}):
            self._protected.append(f"{cut.verb} of {cut.subject} at {cut.place} would touch what is protected")
            return
        self._cuts.setdefault(cut, Planned(cut, why[:_LONGEST], jobs, hosts, needed))

    @property
    def missing(self) -> tuple[str, ...]:
        """What was left out and why, a sentence for each; all that one enforcer would have done is told in one."""
        unreached = (
            f"{verb} of {_few(tuple(subjects))}: no {target} enforcer can be reached at {place}"
            for (verb, target, place), subjects in self._unreached.items()
        )
        return (*unreached, *self._protected)

    def _is_needed(self, one: Planned) -> bool:
        """Softer cuts at a host that is cut off beside only bridge the time until then, or stand in for it."""
        off = self._cuts.get(Cut("isolate", one.cut.place, ALL))
        covered = off is not None and off.needed and one.cut.about.grade <= Grade.BLOCK
        return one.needed and (one.cut in self._parting or not covered)

    def planned(self) -> tuple[Planned, ...]:
        """In the order of doing; within a rank what is needed comes first."""
        told = [msgspec.structs.replace(one, needed=self._is_needed(one)) for one in self._cuts.values()]
        return tuple(sorted(told, key=lambda one: (one.cut.about.rank, not one.needed, one.cut)))

    def holding(self, *verbs: str) -> list[Cut]:
        """The cuts of these verbs so far, sorted."""
        return sorted(cut for cut in self._cuts if cut.verb in verbs)

    def _felt(self, cut: Cut, about: Whom) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(jobs, hosts) that notice a cut outside of any option."""
        ground, verb = self.ground, cut.verb
        host = cut.place if cut.place.startswith("host:") else ""
        if verb in ("quarantine", "hard-cut"):
            host = ground.host_of(f"ibport:{cut.subject}")
        if verb == "drain":
            host = f"host:{cut.subject}"
        here = ground.jobs_on.get(host, frozenset())
        jobs: Iterable[str] = ()
        if verb in _WHOLE and host:
            return tuple(sorted(ground.disturbed(host))), tuple(sorted(ground.felt(host)))
        if verb in ("block", "throttle"):
            jobs = here & set(about.jobs)
        elif verb in ("block-job", "cancel"):
            jobs = (job for job in about.jobs if job.rpartition("/")[2] == cut.subject)
        elif verb == "block-user":
            jobs = (job for job in here if ground.user_of_job.get(job, "") == f"identity:{cut.subject}")
        return tuple(sorted(jobs)), (host,) if host else ()

    def _on_the_way(self, one: Option, path: Path) -> str:
        """Which step it takes away, towards what, and the fact that the step rests on."""
        # The first step that it takes away is the one that reads best: nearest to the attacker.
        ground = self.ground
        gone = set(one.edges.tolist())
        edge = next((at for at in path.edges if at in gone), -1)
        goal = ground.text(int(ground.graph.to[path.edges[-1]]))
        if edge < 0:
            return f"nothing acts from {one.shuts} any more; from there the attacker's account leads to {goal}"
        starts = " and ".join(ground.text(int(at)) for at in ground.graph.start[edge] if at >= 0)
        to = ground.text(int(ground.graph.to[edge]))
        row = next((int(row) for row in ground.graph.edges.because[edge] if row >= 0), -1)
        fact = ground.estate.fact(row) if row >= 0 else None
        rests = f"; {fact.subject} {fact.predicate} {fact.object}, by {fact.source or 'nobody named'}" if fact else ""
        beyond = "" if goal == to else f", on the way to {goal}"
        return f"takes away {starts} to {to}{beyond}{rests}"[:_LONGEST]


def measured_cuts(gathered: Gathered, signals: Sequence[Signal], held: Held, up_to: Grade, parted: bool) -> None:
    """What fits each signal; the sender's own host where the estate does not know what happened.

    Where all is `parted` by the estate already no host is cut off beside, unless bytes leave it.
    """
    for one in signals:
        about, fit = whom(one, gathered.ground), measure(one)
        for cut in cuts(one, gathered.ground, up_to):
            if parted and not fit.out and cut.about.grade >= Grade.ISOLATE and cut.about.rank == 0:
                continue
            ends = cut.about.rank == 0 and cut.about.grade >= Grade.BLOCK and (fit.out or not parted)
            gathered.add(cut, f"{one.name}: {one.why}", about, ends)
        unsure = held.unknown and not measure(one).out
        for host in sources(one):
            if unsure and host in about.hosts and up_to >= Grade.ISOLATE:
                why = f"{one.name}: the estate does not know what follows from it, so that its own host is cut off"
                gathered.add(Cut("isolate", host, ALL), why, about, True)


def lasting(gathered: Gathered, signals: Sequence[Signal], held: Held, up_to: Grade) -> None:
    """What makes the cuts last: connections and logins ended, accounts limited, jobs cancelled, nodes drained."""
    ground = gathered.ground
    wanted: list[tuple[Cut, str, Whom]] = []
    off = {cut.place for cut in gathered.holding("isolate")}
    places = {cut.place for cut in gathered.holding("block", "block-user", "block-job", "isolate")}
    wanted += [(Cut("end-flows", one, ALL), "what stands already ends with it", Whom()) for one in sorted(places)]
    for one in signals:
        about = whom(one, ground)
        for host in about.hosts:
            if host in off or gathered.holding("block-user"):
                for user in about.users:
                    ended = Cut("end-sessions", host, user.removeprefix("identity:"))
                    wanted.append((ended, f"{user} was there when it happened", about))
    for host in sorted(off & set(held.hosts)):
        name = host.removeprefix("host:")
        wanted += [
            (Cut("drain", cluster, name), f"no new job starts on {host} while it is cut off", Whom())
            for cluster in ground.clusters.get(host, ())
        ]
    for text in held.texts:
        entity, _, capability = text.rpartition("#")
        if entity.startswith("identity:") and capability == "use":
            wanted += [(cut, f"the attacker acts as {entity}", Whom()) for cut in _of_account(entity, held, ground)]
    for cut, why, about in wanted:
        if VERBS[cut.verb].grade <= up_to and ground.can(cut.target, cut.place):
            gathered.add(cut, why, about, False)


def _of_account(identity: str, held: Held, ground: Ground) -> Iterable[Cut]:
    """Its jobs and its keys; on a large cluster its keys where the attacker is, since the rest is no haste."""
    name = identity.removeprefix("identity:")
    if name in ("root", "*"):
        return
    for cluster in ground.clusters.get(identity, ()):
        yield Cut("limit-user", cluster, name)
    places = ground.key_places if len(ground.key_places) <= MOST_PLACES else held.hosts
    for mark in ground.keys_of.get(identity, ()):
        yield from (Cut("revoke-key", place, mark) for place in places)


def _few(subjects: Sequence[str]) -> str:
    """Subjects by name, or their number and the first of them."""
    if len(subjects) <= _NAMED:
        return ", ".join(subjects)
    return f"{len(subjects)} subjects ({', '.join(subjects[:_NAMED])}, …)"
