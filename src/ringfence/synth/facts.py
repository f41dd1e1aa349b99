"""From the plan to facts, in the words of `estate/kinds.py`: what the collectors would give."""

from collections.abc import Iterator

from ringfence.estate.facts import Fact
from ringfence.synth import facts_answers, facts_data, facts_fabric, facts_hosts, facts_people, facts_work
from ringfence.synth.plan import Cluster

_WRITERS = (
    facts_hosts.inventory,
    facts_hosts.guarded,
    facts_hosts.networks,
    facts_hosts.services,
    facts_hosts.logins,
    facts_hosts.accelerators,
    facts_hosts.controllers,
    facts_people.people,
    facts_people.scheduler,
    facts_fabric.fabric,
    facts_work.jobs,
    facts_work.serving,
    facts_work.images,
    facts_data.exports,
    facts_data.mounts,
    facts_data.folders,
    facts_answers.settings,
    facts_answers.answers,
)


def facts(plan: Cluster) -> Iterator[Fact]:
    """Every fact of the planned cluster, always in the same order."""
    for write in _WRITERS:
        yield from write(plan)
