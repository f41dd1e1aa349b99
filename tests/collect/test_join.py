"""Two names of one thing become one entity, by an explicit rule."""

from ringfence.collect.join import joined
from ringfence.estate.facts import Fact


def test_facts_of_an_alias_are_said_of_the_real_name():
    """A job's accelerator by host and index is the one that the driver names by UUID."""
    facts = [
        Fact("job:slurm/c/1", "uses_gpu", "gpu:n1/0"),
        Fact("gpu:n1/0", "same_as", "gpu:GPU-aa"),
        Fact("host:n1", "has_gpu", "gpu:GPU-aa"),
    ]
    assert [fact.object for fact in joined(facts)] == ["gpu:GPU-aa"] * 3
    assert next(fact for fact in joined(facts) if fact.predicate == "same_as").subject == "gpu:n1/0"


def test_a_ring_of_aliases_ends():
    """A hostile file cannot make the joining loop."""
    facts = [Fact("host:a", "same_as", "host:b"), Fact("host:b", "same_as", "host:a"), Fact("host:b", "in_rack", "R")]
    assert [fact.subject for fact in joined(facts) if fact.predicate == "in_rack"] == ["host:a"]


def test_an_alias_of_two_things_joins_neither():
    """Which of the two is meant cannot be told; what is said of the alias stays there."""
    facts = [
        Fact("job:slurm/c/1", "uses_gpu", "gpu:n1/0"),
        Fact("gpu:n1/0", "same_as", "gpu:GPU-aa"),
        Fact("gpu:n1/0", "same_as", "gpu:GPU-bb"),
    ]
    assert list(joined(facts)) == facts


def test_two_targets_that_are_one_thing_agree():
    """An alias of an alias and of the thing itself."""
    facts = [
        Fact("host:a", "same_as", "host:b"),
        Fact("host:a", "same_as", "host:c"),
        Fact("host:b", "same_as", "host:c"),
        Fact("host:a", "in_rack", "R"),
    ]
    assert [fact.subject for fact in joined(facts) if fact.predicate == "in_rack"] == ["host:c"]
