"""D13: a checkpoint was rewritten."""

from ringfence.watch.detectors import checkpoint_rewritten
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event, started
from tests.watch.hostile import LATER, hostile


def wrote(
    at: float, activity: int = 3, user: str = "ada", uid: str | None = "job:1", name: str = "a.pt", of: str = "s1"
):
    """A file of a checkpoint is written."""
    said = {"file__path": f"/c/{of}/{name}", "file__data": f"checkpoint:{of}", "actor__user__name": user}
    return event(classes.FILE, activity, at, "gpu0001", actor__process__name="python3", job__uid=uid, **said)


def saved(at: float, of: str = "s1"):
    """A job saves."""
    return [wrote(at, 1, of=of), wrote(at + 60, of=of)]


def test_another_account_or_the_same_without_its_job_is_told():
    """Who wrote it before, and how long ago."""
    for user in ("eve", "ada"):
        found = both_ways(checkpoint_rewritten, [*saved(9, "s0"), *saved(LATER), wrote(LATER + 1800, 3, user, None)])
        assert [one.entities for one in found] == [("host:gpu0001", f"identity:{user}", "checkpoint:s1")]
        assert "29 min ago" in found[0].why
        assert "checkpoint:s1#write" in found[0].holds


def test_the_writer_that_comes_back_late_is_told_with_less():
    """It had moved on."""
    found = both_ways(checkpoint_rewritten, [*saved(9, "s0"), *saved(LATER), wrote(LATER + 1800)])
    assert [one.confidence for one in found] == [0.6]


def test_saving_many_ranks_and_a_pointer_are_silent():
    """A new job of the account moves the pointer on."""
    ranks = [wrote(LATER + at * 10, at % 2 * 2 + 1) for at in range(20)]
    pointer = [wrote(LATER + 3000, 3, "ada", "job:2", "latest")]
    steps = [one for at in range(9) for one in saved(LATER + at * 1200, f"s{at + 5}")]
    assert both_ways(checkpoint_rewritten, [*saved(9, "s0"), *ranks, *pointer, *steps]) == []


def test_a_job_that_was_requeued_saves_the_same_steps_again():
    """Under its number, from its beginning."""
    again = [started(LATER + 3000, "job:1", "gpu0001"), wrote(LATER + 3600)]
    assert both_ways(checkpoint_rewritten, [*saved(9, "s0"), *saved(LATER), *again]) == []


def test_a_job_that_makes_a_model_of_a_checkpoint_is_silent():
    """It reads the one and writes the other; who only writes is told."""
    first = event(classes.FILE, 1, LATER, "gpu0002", file__data="model:m", actor__user__name="ben", job__uid="job:7")
    read = wrote(LATER + 3000, 2)
    write = event(
        classes.FILE, 3, LATER + 3300, "gpu0001", file__data="model:m", actor__user__name="ada", job__uid="job:1"
    )
    assert both_ways(checkpoint_rewritten, [*saved(9, "s0"), first, read, write]) == []
    assert len(both_ways(checkpoint_rewritten, [*saved(9, "s0"), first, write])) == 1


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(checkpoint_rewritten)
