"""Every measure on a tree that lacks it: what differs is found, changed, read back, and put back exactly.

`nvidia-smi` is a fake (in the samples): no GPU is here. Everything else is files, and sshd's own `sshd -t`.
"""

import shutil
from pathlib import Path

import pytest

from ringfence.app.docs import pages
from ringfence.app.harden.host import Host, chosen, plan_of
from ringfence.app.harden.ledger import Ledger
from ringfence.assess.harden import measures
from ringfence.assess.harden.measure import Measure, Verdict
from ringfence.assess.harden.measures import MEASURES
from tests.harden.trees import OURS, SAMPLES, WHOLE, grown, picture, sample

EACH = pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.name)


def hosted(root: Path) -> Host:
    return Host(root, Ledger(root / OURS / "harden").make())


def verdict(root: Path, measure: Measure) -> Verdict:
    return plan_of(root, [measure]).findings[0].verdict


def need_sshd(measure: Measure) -> None:
    if measure.name == "ssh_daemon" and not Path("/usr/sbin/sshd").exists():
        pytest.skip("missing-part: sshd (Debian package openssh-server)")


def test_files_lines_headings_and_samples_are_four_equal_sets():
    """A measure without one of them is not finished."""
    folder = Path(measures.__file__).parent
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    page = pages()["hardening.md"]
    headings = [line.split("`")[1] for line in page.splitlines() if line.startswith("### RF-X")]
    assert files == {one.name for one in MEASURES} == set(headings) == {file.stem for file in SAMPLES.glob("*.json")}
    assert [one.id for one in MEASURES] == sorted({one.id for one in MEASURES})
    assert len(headings) == len(MEASURES)


@EACH
def test_it_is_found_changed_read_back_and_put_back_exactly(measure, tmp_path):
    """Bytes, mode, owner, times; files and folders that were not there are gone."""
    need_sshd(measure)
    case = sample(measure.name)
    root = grown(tmp_path, case["tree"])
    assert verdict(root, measure) == case["verdict"]
    before, host = picture(root), hosted(root)
    plan = plan_of(root, [measure])
    assert picture(root) == before, "looking changes nothing"
    done = list(host.apply(plan))
    assert len(done) == len(plan.changes)
    assert verdict(root, measure) == case["then"]
    assert plan_of(root, [measure]).changes == (), "nothing is left to change"
    if done:
        assert picture(root) != before
        list(host.undo(host.to_undo()))
    assert picture(root) == before
    assert verdict(root, measure) == case["verdict"]


@EACH
def test_where_what_it_is_about_is_missing_it_says_so(measure, tmp_path):
    """`not applicable` with a reason, and no change: on a host that was seen otherwise."""
    case = sample(measure.name)
    root = grown(tmp_path, case["tree"] | WHOLE)
    for path in case["needs"] or [one for one in case["tree"] if one.startswith("/proc/sys/")]:
        target = root / path[1:]
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    found = plan_of(root, [measure]).findings[0]
    assert found.verdict is Verdict.NOT_APPLICABLE, found.reasons
    assert found.reasons
    assert found.changes == ()


@EACH
def test_what_cannot_be_read_is_unknown_and_not_met(measure, tmp_path):
    """Every file of the sample in turn stands behind a link: never `met`, never followed."""
    case = sample(measure.name)
    for number, path in enumerate(case["tree"]):
        root = grown(tmp_path / str(number) / "root", case["tree"])
        file = root / path[1:]
        file.rename(tmp_path / str(number) / "elsewhere")
        file.symlink_to(tmp_path / str(number) / "elsewhere")
        there = picture(root)
        found = plan_of(root, [measure]).findings[0]
        assert found.verdict is not Verdict.MET, path
        assert picture(root) == there


def test_all_of_them_at_once_on_one_tree_are_one_receipt(tmp_path):
    """No two measures want one place to hold two things."""
    whole = {
        path: what for one in MEASURES if one.name != "gpu_nodes" for path, what in sample(one.name)["tree"].items()
    }
    root = grown(tmp_path, whole)
    before, host = picture(root), hosted(root)
    plan = plan_of(root, chosen([one.name for one in MEASURES if one.name not in ("ssh_daemon",)]))
    assert len(list(host.apply(plan))) == len(plan.changes) > 30
    list(host.undo(host.to_undo()))
    assert picture(root) == before
