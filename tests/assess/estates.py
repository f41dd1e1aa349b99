"""Estates for the audit's tests: a generated cluster, and one check that fails on many things."""

from functools import cache

from ringfence.app.questions import Questions
from ringfence.app.survey import jewels
from ringfence.assess.severity import Ground, ground
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.synth import generate


@cache
def cluster(nodes: int = 32, seed: int = 5) -> Questions:
    """A generated cluster with its moves."""
    return Questions(estate_of(generate(nodes, seed)))


def measured(asked: Questions) -> Ground:
    """What its positions are worth, from the default footholds."""
    held = asked.footholds(asked.default_footholds())
    return ground(asked.estate, asked.graph, asked.jewel_positions, held)


def unproven(count: int, *, model: bool = True) -> Estate:
    """`count` schedulers that prove no sender; with a model that each one's host keeps."""
    facts: list[Fact] = []
    for number in range(count):
        cluster_, host = f"cluster:c{number:05}", f"host:n{number:05}"
        facts += [
            Fact(cluster_, "setting", "AuthType=auth/none", source="slurm.conf"),
            Fact(cluster_, "asked", "slurm-conf", {"answered": True}),
            Fact(f"partition:{number:05}", "in_cluster", cluster_),
            Fact(host, "in_partition", f"partition:{number:05}"),
        ]
        if model:
            storage = f"storage:n{number:05}:/weights"
            facts += [Fact(storage, "exported_by", host), Fact("model:m", "stored_on", storage)]
    estate = estate_of(facts)
    assert not model or jewels(estate) == ["model:m"]
    return estate
