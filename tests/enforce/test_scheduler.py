"""What containment reads of Slurm's answers, and what it keeps; no Slurm is needed for that."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.app.enforcer.standing import stands
from ringfence.enforce.kept import Kept
from ringfence.enforce.scheduler import MOST, Scheduler
from ringfence.enforce.scheduler_jobs import Asked, Jobs
from ringfence.enforce.scheduler_nodes import Nodes, marked
from ringfence.enforce.scheduler_users import Limit, noted
from ringfence.errors import EnforceError, InputError
from ringfence.wire.contain import Bindings, OnScheduler, encode

NODE = """NodeName={name} Arch=x86_64 CoresPerSocket=1
   State={states} ThreadsPerCore=1 TmpDisk=0
   Comment=Reason=none State=DOWN
   Reason={reason} [root@2026-11-23T07:56:00]

"""


class Answers:
    """A stand-in for Slurm's commands, which says what the test gives it and remembers what it was asked."""

    def __init__(self, **said: str) -> None:
        self.said, self.asked = said, list[tuple[str, ...]]()

    def __call__(self, *argv: str) -> str:
        self.asked.append(argv)
        return self.said.get(argv[0], "")


VALUES = st.sampled_from(["", "0", "5", "50"])
LIMITS = st.builds(Limit, st.sampled_from("ab"), st.sampled_from(["", "train"]), VALUES, VALUES)


@given(st.lists(LIMITS, unique_by=lambda one: (one.account, one.partition)).map(tuple))
def test_limits_that_were_shut_are_noted_as_they_were(before: tuple[Limit, ...]) -> None:
    """Also after any number of times, and whether or not the kill came before the change."""
    first = noted(before, ())
    assert first == before
    shut = tuple(Limit(one.account, one.partition, "0", "0") for one in before)
    assert noted(shut, first) == before
    assert noted(before, first) == before
    assert noted(shut, noted(shut, first)) == before


@given(st.text(max_size=100))
def test_our_reason_is_one_plain_line(reason: str) -> None:
    told = marked(reason)
    assert told.startswith("ringfence")
    assert told.isascii()
    assert not set(told) & set("\n\r\"'=[]|\\")
    assert marked(reason) == told


def test_a_reason_is_read_whole_and_only_from_its_own_line(tmp_path: Path) -> None:
    """A comment that pretends, a reason with brackets, a node without any."""
    said = NODE.format(name="a", states="IDLE+DRAIN", reason="fan [2] a=b") + NODE.format(
        name="b", states="MIXED", reason=""
    )
    answers = Answers(scontrol=said)
    nodes = Nodes(answers, tmp_path / "nodes.json")
    assert nodes.now()["a"].reason == "fan [2] a=b"
    assert (nodes.now()["a"].is_shut, nodes.now()["b"].is_shut) == (True, False)


def test_an_answer_in_an_unknown_form_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    answers = Answers(scontrol="slurm has changed\n", squeue="1 2 3\n")
    with pytest.raises(EnforceError, match="form that is not known"):
        Nodes(answers, tmp_path / "nodes.json").apply(("a",), "x")
    with pytest.raises(EnforceError, match="form that is not known"):
        Jobs(answers, tmp_path / "jobs.json").apply(("1",))
    assert not [argv for argv in answers.asked if "update" in argv or argv[0] == "scancel"]


@pytest.mark.parametrize("job", ["", "0x1", "1,2", "-1", "1_", "1_2_3", "1.0", "1 2", "٣", "--user=alice", "1" * 11])
def test_what_is_no_number_of_a_job_never_reaches_a_command(tmp_path: Path, job: str) -> None:
    answers = Answers()
    with pytest.raises(EnforceError, match="no number of a job"):
        Jobs(answers, tmp_path / "jobs.json").apply((job,))
    assert answers.asked == []


def test_a_job_that_slurm_does_not_know_is_not_touched_when_its_number_is_given_anew(tmp_path: Path) -> None:
    answers = Answers()
    jobs = Jobs(answers, tmp_path / "jobs.json")
    jobs.apply(("7",))
    answers.said["squeue"] = "7|7|7|alice|RUNNING\n"
    jobs.apply(("7",))
    assert {argv[0] for argv in answers.asked} == {"squeue"}
    assert jobs.read() == ("7",)


def test_a_damaged_file_of_before_is_told_and_not_overwritten(tmp_path: Path) -> None:
    """What was before is in it, or nowhere."""
    (tmp_path / "jobs.json").write_text('{"owners": 3}')
    with pytest.raises(EnforceError, match=r"jobs\.json is damaged"):
        Jobs(Answers(), tmp_path / "jobs.json").apply(("7",))
    assert (tmp_path / "jobs.json").read_text() == '{"owners": 3}'


def test_what_is_kept_is_roots_alone_and_gone_when_empty(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "folder" / "jobs.json", Asked)
    kept.save(Asked({"7": "alice"}))
    assert kept.load() == Asked({"7": "alice"})
    assert (kept.path.stat().st_mode & 0o777, kept.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    kept.save(Asked())
    assert not kept.path.exists()


def test_a_document_that_is_none_or_too_long_changes_nothing(tmp_path: Path) -> None:
    driver = Scheduler("cluster:rf", {}, tmp_path)
    with pytest.raises(InputError):
        driver.restore('{"type":"scheduler","jobs":7}')
    with pytest.raises(InputError, match="more than"):
        driver.restore(encode(OnScheduler(jobs=tuple(map(str, range(MOST + 1))))))
    assert list(tmp_path.iterdir()) == []


def test_an_order_that_was_half_done_is_not_taken_back_and_one_cut_that_is_gone_is_missed() -> None:
    """What was in force has to be there still; a job that ends later, or one more node, is no loss of it."""
    first = encode(OnScheduler(("alice",), (), ("a",), "x"))
    assert stands("scheduler", first, encode(OnScheduler(("alice",), ("7",), ("a", "b"), "y")))
    assert not stands("scheduler", first, encode(OnScheduler((), (), ("a", "alice"), "x")))
    assert not stands("scheduler", first, "")
    one, both = encode(Bindings(("red/train",))), encode(Bindings(("ops", "red/train")))
    assert stands("bindings", one, both)
    assert not stands("bindings", both, one)


def test_where_slurm_is_not_installed_every_part_says_so(tmp_path: Path) -> None:
    driver = Scheduler("cluster:rf", {"PATH": str(tmp_path)}, tmp_path / "kept")
    with pytest.raises(EnforceError, match=r"accounts are not done: scontrol is not installed.+nodes are not done"):
        driver.restore(encode(OnScheduler(("alice",), (), ("a",))))
