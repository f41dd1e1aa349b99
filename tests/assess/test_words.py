"""Reasons say nothing twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.assess.words import said_once

PARTS = st.lists(
    st.lists(st.sampled_from(["it", "asks", "nobody", "is", "old,"]), max_size=4).map(" ".join), max_size=6
)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["it asks nobody, and is heard on a network", "it asks nobody"], "it asks nobody, and is heard on a network"),
        (
            ["it is privileged", "it asks for accelerators and is privileged"],
            "it asks for accelerators and is privileged",
        ),
        (["its version is old", "its daemon is old"], "its version is old; its daemon is old"),
        (["the same", "the same", ""], "the same"),
        (["heard: on a network", "heard on a network"], "heard: on a network"),
        ([], ""),
    ],
)
def test_what_another_part_says_already_is_left_out(parts, said):
    """Its words stand there in the same order."""
    assert said_once(parts) == said


@given(PARTS)
def test_something_stays_and_saying_it_again_changes_nothing(parts):
    """Parts keep their order, and no part is lost but to another."""
    said = said_once(parts)
    assert bool(said) == any(parts)
    assert said_once(said.split("; ")) == said
