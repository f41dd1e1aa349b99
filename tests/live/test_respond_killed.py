"""Whoever acts, or takes back, is killed at any moment: the next one does the rest, and nothing twice."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.live.killing import told

SAMPLE = random.Random(5)
ONCE = ("contain host:gpu01", "quarantine network:ib/lab", "keys host:gpu01", "scheduler cluster:lab")


def swept(folder: Path, verb: str, moments: list[int]) -> list[dict[str, Any]]:
    """Kill at these moments (none: at each), and judge what the next one made of it."""
    found: list[dict[str, Any]] = told("respond_killed", folder, verb, *moments)
    for one in found:
        assert one["journal"] == {"sound": True, "once": True, "stood": 6, "undone": 6}, one
        assert one["over"], one
        assert one["equal"], one
        if verb == "act":
            assert one["counted"] == {"done": 6}, one
            assert [one["times"][lane] for lane in ONCE] == [1, 1, 1, 1], one
            assert one["times"]["flows host:gpu01"] in (1, 2), one  # what was ended twice is ended
    return found


def test_killed_at_some_moments_what_was_decided_is_done_once_and_can_be_undone(tmp_path: Path) -> None:
    """Between any two of queue, evidence, change and read-back."""
    swept(tmp_path, "act", SAMPLE.sample(range(100), 10))


def test_killed_at_some_moments_an_undo_is_completed_by_the_next(tmp_path: Path) -> None:
    """What is there equals what was there before."""
    swept(tmp_path, "undo", SAMPLE.sample(range(80), 8))


@pytest.mark.long
@pytest.mark.parametrize("verb", ["act", "undo"])
def test_killed_at_each_moment(tmp_path: Path, verb: str) -> None:
    assert len(swept(tmp_path, verb, [])) > 40
