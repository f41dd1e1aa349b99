"""Hardening that is killed anywhere leaves nothing that cannot be completed, or put back exactly."""

import pytest

from tests.live.killing import told


def test_killed_at_some_moments_it_is_completed_or_undone(tmp_path):
    """A sample; the long test takes every moment."""
    found = told("harden_killed", tmp_path, 41, 7)
    assert found["wrong"] == []
    assert found["tried"] >= 8
    assert min(found["moments"].values()) > 100


@pytest.mark.long
def test_killed_at_each_moment_it_is_completed_or_undone(tmp_path):
    """Of an apply and of an undo."""
    found = told("harden_killed", tmp_path, 1, 0, seconds=1800)
    assert found["wrong"] == []
    assert found["tried"] == sum(found["moments"].values())
