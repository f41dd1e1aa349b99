"""Accepted risks: who, why, until when; and every mistake named with its line."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.assess.accepted import in_force, read_accepted
from ringfence.errors import InputError

KNOWN = ("RF-S01", "RF-D01")
GOOD = """# kept until the spring
[[accept]]
check = "RF-D01"
subject = "storage:nfs-scratch:*"
owner = "ann"
reason = "moves in spring"
expires = 2027-03-01

[[accept]]
check = "RF-S01"
owner = "ben"
reason = "one test cluster"
expires = 2027-03-01T12:00:00
"""


def test_a_date_ends_with_its_day_and_a_time_is_utc() -> None:
    """The place of each says where it stands."""
    first, second = read_accepted(GOOD, KNOWN, "risks.toml")
    assert first.expires == datetime(2027, 3, 2, tzinfo=UTC).timestamp()
    assert second.expires == datetime(2027, 3, 1, 12, tzinfo=UTC).timestamp()
    assert (first.place, second.place) == ("risks.toml:2", "risks.toml:9")
    assert (first.subject, second.subject) == ("storage:nfs-scratch:*", "*")


def test_a_glob_covers_what_it_matches_and_nothing_else() -> None:
    """Letters count as they are written."""
    scratch, every = read_accepted(GOOD, KNOWN)
    assert scratch.covers("storage:nfs-scratch:/a/b")
    assert not scratch.covers("storage:nfs-home:/a")
    assert not scratch.covers("storage:NFS-scratch:/a")
    assert every.covers("cluster:any")


def test_the_moment_of_the_end_is_past_it() -> None:
    first, second = read_accepted(GOOD, KNOWN)
    assert in_force((first, second), second.expires) == ((first,), (second,))
    assert in_force((first, second), second.expires - 1) == ((first, second), ())


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (('check = "RF-S01"', 'check = "RF-S99"'), 10, "RF-S99"),
        (('owner = "ben"\n', ""), 9, "no owner"),
        (('reason = "moves in spring"', 'reason = " "'), 6, "no reason"),
        (("expires = 2027-03-01\n", ""), 2, "no end"),
        (("expires = 2027-03-01\n", 'expires = "soon"\n'), 7, "expires must be a date"),
        (("expires = 2027-03-01\n", "expires = 9999-12-31\n"), 7, "no clock"),
        (('check = "RF-D01"', "check = 1"), 3, "check must be a text"),
        (('owner = "ben"', "owner = ['ben']"), 11, "owner must be a text"),
        (('owner = "ben"', "owner = 7"), 11, "owner must be a text"),
        (('owner = "ben"', "owner = 7\n# reason = x\nextra = 1"), 13, "extra"),
        (('reason = "one test cluster"\n', ""), 9, "no reason"),
        (('check = "RF-S01"', 'check = "RF-D01"\nsubject = "storage:nfs-scratch:*"'), 9, "twice, also at risks.toml:2"),
        (('owner = "ann"', 'owner = "ann"\nowner = "ben"'), 6, "line 6"),
        (('nfs-scratch:*"', "x" * 200 + '"'), 4, "subject has 208 characters and 0 stars"),
        (('nfs-scratch:*"', "*a" * 9 + '"'), 4, "subject has 26 characters and 9 stars"),
        (('subject = "storage:nfs-scratch:*"', "subject = true"), 4, "subject must be a text"),
        (('owner = "ann"', 'owner = "ann"\nuntil = 3'), 6, "until"),
        (("[[accept]]\ncheck", "[[acept]]\ncheck"), 2, "acept"),
        (('owner = "ann"', "owner = ann"), 5, "line 5"),
    ],
)
def test_a_mistake_is_named_with_its_line(change: tuple[str, str], line: int, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read_accepted(GOOD.replace(*change, 1), KNOWN, "risks.toml")
    assert caught.value.line == line
    assert says in str(caught.value)
    assert "risks.toml" in str(caught.value)
    assert caught.value.remedy


def test_the_same_decision_twice_is_refused_however_it_is_written() -> None:
    """Also as an array, which has no headers to count."""
    one = '{check = "RF-S01", owner = "a", reason = "b", expires = 2027-01-01}'
    with pytest.raises(InputError, match="twice"):
        read_accepted(f"accept = [{one}, {one}]", KNOWN)
    assert len(read_accepted(f"accept = [{one}]", KNOWN)) == 1


@given(st.text(max_size=300))
def test_whatever_stands_in_the_file_is_read_or_refused(text: str) -> None:
    """Never anything but an answer or an `InputError`."""
    with suppress(InputError):
        assert isinstance(read_accepted(text, KNOWN), tuple)
