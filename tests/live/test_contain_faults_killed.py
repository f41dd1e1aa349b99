"""A guard over real hosts is killed between any two of its steps: the next one does the rest, once, and can undo it."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.contained import Contained, contained, out
from tests.live.killing import told

pytestmark = pytest.mark.live
SAMPLE = random.Random(7)


@pytest.fixture(scope="module")
def whole() -> Iterator[Contained]:
    """Two hosts with their enforcers, and a server."""
    with contained(2) as found:
        yield found


def swept(whole: Contained, folder: Path, verb: str, moments: list[int]) -> list[dict[str, object]]:
    """Kill at these moments (none: at each), and judge what the next one made of it."""
    folder.mkdir(exist_ok=True)
    paths = ",".join(one.path for one in whole.net.hosts)
    found = told("contain_killed", folder, whole.home, verb, paths, *moments, seconds=1200)
    for one in found:
        if verb == "act":
            assert one["blocked"] == [[out(1), out(2)], [out(3)]], one
            assert one["counted"] == {"done": 5, "held": 2}, one
        assert (one["stood"], one["undone"]) == (5, 7), one
        assert one["left"] == {"undone": 7}, one
        assert one["equal"], one
    return found


def test_killed_at_some_moments_what_was_decided_is_in_force_once_and_can_be_undone(whole, tmp_path):
    """Between any two of thought, evidence, queue, order and mark."""
    found = swept(whole, tmp_path, "act", SAMPLE.sample(range(90), 6))
    assert any(one["killed"] for one in found)


def test_killed_at_some_moments_an_undo_is_completed_by_the_next(whole, tmp_path):
    """Every host is as it was before."""
    swept(whole, tmp_path, "undo", SAMPLE.sample(range(60), 3))


@pytest.mark.long
@pytest.mark.parametrize("verb", ["act", "undo"])
def test_killed_at_each_moment(whole, tmp_path, verb):
    assert len(swept(whole, tmp_path, verb, [])) > 30
