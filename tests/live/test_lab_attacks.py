"""The founding story in the lab: real packets, a real job, real rules; nothing here depends on how fast the machine is.

What is gone when the cut stands is measured by `bench.contain`.
"""

import pytest

from ringfence.app.guard.evidence_commands import exported, log_key, verified
from ringfence.app.lab import campaign, modes
from ringfence.app.lab.campaign import Cell
from ringfence.app.lab.layout import MODEL_BYTES
from ringfence.app.lab.modes import Mode
from tests.live import labs

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def lab():
    with labs.lab() as layout:
        yield layout
        modes.leave(layout)


def played(lab, mode: Mode, rate: str, count: int = 1):
    """The trials of one cell."""
    file = lab.folder / f"{mode.name}-{mode.budget}-{rate}.jsonl"
    return [one.trial for one in campaign.run(lab, [Cell("exfiltrate", mode, rate, count)], file, lambda said: None)]


def test_with_ringfence_off_the_whole_model_is_gone(lab):
    """Every byte of it."""
    (row,) = played(lab, Mode("off", "off"), "max")
    assert (row.bytes, row.to_incident, row.to_block) == (MODEL_BYTES, None, None)


def test_with_everything_on_it_is_cut_without_a_human_and_taken_back(lab, tmp_path):
    """At a tenth of a gigabit a second and with no budget: the guard alone; and the evidence of it verifies."""
    (row,) = played(lab, Mode("all", "off"), "100mbit")
    assert 0 < row.bytes < MODEL_BYTES // 2
    assert row.to_incident is not None
    assert row.to_block is not None
    assert ("block", f"host:{row.node}") in {(verb, place) for verb, place, _, state in row.cuts if state == "done"}
    assert (row.bystanders, row.jobs_lost) == ((), ())
    assert row.undo_equal, row.differs
    file = tmp_path / "evidence.json"
    exported(lab.state, modes.watch_home(lab), file)
    checked = verified(file, [log_key(lab.state)], journal=lab.state / "journal")
    assert (checked.problems, checked.trusted) == ((), True)


def test_with_a_budget_no_hundredth_leaves_however_fast(lab):
    """The kernel counts the bytes; what it counted stays counted."""
    (row,) = played(lab, Mode("all", "on"), "max")
    assert 0 < row.bytes < MODEL_BYTES // 100
    assert (row.bystanders, row.jobs_lost) == ((), ())
    assert row.undo_equal is not False, row.differs


def test_what_a_campaign_has_done_is_not_done_again(lab):
    """The file of results says so."""
    assert played(lab, Mode("off", "off"), "max") == []
