"""A run of waves that is killed between any two of its actions ends as if it had not been, when it is begun again."""

import pytest

from tests.live.killing import told

SEED = 20261123


def test_killed_at_some_moments_a_run_goes_on_or_puts_back_what_it_has_to(tmp_path):
    """A sample of each case; the long test takes every moment."""
    found = told("waves_killed", tmp_path, 2, SEED)
    assert found["wrong"] == []
    assert found["tried"] == 2 * len(found["moments"])
    assert min(found["moments"].values()) > 30


@pytest.mark.long
def test_killed_at_each_moment_a_run_goes_on_or_puts_back_what_it_has_to(tmp_path):
    """The canary first, each host set once, receipts and journals of one mind."""
    found = told("waves_killed", tmp_path, 0, SEED, seconds=3000)
    assert found["wrong"] == []
    assert found["tried"] == sum(found["moments"].values())
