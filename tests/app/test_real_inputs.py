"""Other people's real outputs, of four kinds of system, become one estate and one report without special cases."""

import shutil

import pytest

from ringfence.app.questions import Questions
from ringfence.app.report import write_report
from ringfence.app.survey import summary, survey_tree
from ringfence.collect.base import Scope
from tests.shared_data import shared

FOLDERS = ("infiniband", "slurmrestd", "redfish", "kubehound", "nvidia-smi", "nvlink")


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """The six folders side by side, read as one capture."""
    tree = tmp_path_factory.mktemp("real")
    for name in FOLDERS:
        shutil.copytree(shared(name), tree / name)
    return survey_tree(tree, Scope(salt=b"test"))


def test_every_system_is_in_the_estate(survey):
    """Ports and switches, Slurm's nodes and jobs, the controller's firmware, pods, accelerators."""
    entities = summary(survey.estate)["entities"]
    assert entities["switch"] >= 40
    assert entities["ibport"] >= 582
    assert entities["job"] >= 20
    assert entities["bmc"] >= 1
    assert entities["firmware"] >= 5
    assert entities["pod"] >= 14
    assert entities["gpu"] >= 10
    assert "host:a08-p1-dgx-04-c01" in survey.estate


def test_what_is_damaged_is_named_with_its_line(survey):
    """The fabric file that was cut, and the refusals that Slurm answered with."""
    bad = [problem for problem in survey.problems if problem.file == "infiniband/example-bad.out"]
    assert bad
    assert bad[0].line > 0
    assert all(problem.what for problem in survey.problems)


def test_the_named_move_of_every_weak_manifest_is_among_the_moves(survey):
    """Each manifest of the folder is named after what it allows."""
    asked = Questions(survey.estate)
    found = {name for move in asked.moves() for name in move["aka"]}
    named = {path.stem for path in shared("kubehound").glob("*.yaml")} - {"CONTROL_POD"}
    short = {name.removesuffix("_CRB_CR") for name in named}
    assert {name for name in short if not any(name in aka for aka in found)} == set()


def test_one_report_shows_it_all(survey, tmp_path):
    """The page is written and holds the hosts of every system."""
    asked = Questions(survey.estate)
    write_report(asked, tmp_path / "report.html", ["pod:kubehound/default/priv-pod"])
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "a08-p1-dgx-04-c01" in page
    assert "kubehound" in page
