"""Limits of a minute and of what stands at a time, as the cuts of one plan use them up."""

from ringfence.respond.limits import Limits
from ringfence.respond.spent import Spent, felt
from ringfence.respond.values import Planned
from ringfence.respond.verbs import Grade


class Rates:
    """What is used already, and by this plan. A host that is cut already is cut harder for nothing."""

    def __init__(self, limits: Limits, incident: str, spent: Spent) -> None:
        self._limits = limits
        self._busy = incident not in spent.incidents and len(spent.incidents) >= limits.incidents_a_minute
        self._hosts, self._jobs, self._standing = set(spent.hosts), set(spent.jobs), set(spent.standing_hosts)

    def over(self, one: Planned) -> tuple[str, str] | None:
        """The limit (rule, reason) that a cut would break; None for none. To watch closer uses nothing."""
        if one.cut.about.grade == Grade.WATCH:
            return None
        limits, where = self._limits, felt(one.cut, one.hosts)
        if self._busy:
            return "incidents-a-minute", f"limits: {limits.incidents_a_minute} incidents a minute"
        for rule, used, wanted, most, what in (
            ("hosts-a-minute", self._hosts, where, limits.hosts_a_minute, "hosts a minute"),
            ("jobs-a-minute", self._jobs, one.jobs, limits.jobs_a_minute, "jobs a minute"),
            ("hosts-at-once", self._standing, where, limits.hosts_at_once, "hosts at once"),
        ):
            if not used.issuperset(wanted) and len(used.union(wanted)) > most:
                return rule, f"limits: {most} {what}"
        return None

    def use(self, one: Planned) -> None:
        """Count a cut that is done, a person's too."""
        if one.cut.about.grade > Grade.WATCH:
            where = felt(one.cut, one.hosts)
            self._hosts.update(where)
            self._standing.update(where)
            self._jobs.update(one.jobs)
