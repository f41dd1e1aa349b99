"""What the fence says of required constraints: in the plan's words, and saved with its proof."""

import json
from pathlib import Path

import pytest

from ringfence.cli import run
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import load, save
from ringfence.synth import draw, facts


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn cluster in which two hosts have a way out of containers, and with more holes than the plan lists."""
    file = tmp_path_factory.mktemp("constraints") / "cluster.estate"
    escape = {"verdict": "affected", "gives": "container-escape"}
    told = [Fact(f"host:gpu{at:04}", "vulnerable_to", "CVE-2025-23266", escape) for at in (1, 2)]
    save(estate_of([*facts(draw(64, 7)), *told]), file)
    return file


def test_a_plan_names_every_constraint_that_it_does_not_keep(estate, capsys):
    """Not behind a count of what is left out."""
    assert run(["fence", "plan", "--estate", str(estate), "--target", "slurm"]) == 0
    said = " ".join(capsys.readouterr().out.split("Constraints not in force")[1].split())
    assert "own-images-only 10 host:gpu0001, host:gpu0002 and 8 more" in said
    assert "does not see whose image a job starts from" in said


@pytest.mark.parametrize(
    ("facts", "targets", "why"),
    [
        ([], [], "the estate holds no fact"),
        ([], ["--target", "slurm"], "the estate holds no fact"),
        ([Fact("host:a", "jewel", "x")], [], "nothing in the estate could enforce a fence"),
        ([Fact("host:a", "jewel", "x")], ["--target", "slurm"], "nothing was compiled for slurm"),
    ],
)
def test_where_nothing_was_compiled_nothing_is_proven(tmp_path, capsys, facts, targets, why):
    """A proof of nothing does not hold, and no plan says that everything is denied."""
    save(estate_of(facts), tmp_path / "thin.estate")
    given = ["--estate", str(tmp_path / "thin.estate"), *targets]
    assert run(["fence", "prove", *given, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["holds"], told["unproven"]) == (False, why)
    assert run(["fence", "prove", *given]) == 1
    assert f"nothing was proven: {why}" in capsys.readouterr().out
    assert run(["fence", "plan", *given]) == 0
    said = capsys.readouterr().out
    assert f"nothing was compiled: {why}" in said
    assert "everything else is denied" not in said


def test_a_proof_is_saved_with_what_it_says_of_constraints_and_the_audit_takes_it_for_no_force(estate, capsys):
    out = estate.parent / "proven.estate"
    assert run(["fence", "prove", "--estate", str(estate), "--target", "slurm", "-o", str(out)]) == 0
    found = [*load(out).facts("constraint_in_force")]
    assert {fact.attributes["by"] for fact in found} == {"proof"}
    assert any(fact.attributes["held"] for fact in found)
    assert "own-images-only" not in {fact.object for fact in found}
    capsys.readouterr()
    assert run(["audit", "--estate", str(out), "--check", "RF-G30"]) == 3  # nobody has read back what is in force
    said = " ".join(capsys.readouterr().out.split())
    assert "shows no force" in said
    assert "0 passed" in said
