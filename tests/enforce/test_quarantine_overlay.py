"""Quarantine over `partitions.conf`, as text and as the tables that come of it; the real opensm is in tests/live."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.enforce.quarantine_held import held, ports_of
from ringfence.enforce.quarantine_overlay import base, masked, named, over
from ringfence.errors import EnforceError, InputError
from ringfence.segment.inventory import Fabric
from ringfence.segment.prove.ib import manager_tables
from ringfence.wire.contain import LONGEST, Until
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.partitions import LONGEST_LINE

GUIDS = [0x1001 + (at << 8) for at in range(8)]
FABRIC = Fabric("ib0", ("host:sm",), (f"ibport:0x{GUIDS[0]:016x}",), tuple(f"ibport:0x{one:016x}" for one in GUIDS))

OTHERS = GUIDS[1:]
specs = st.one_of(
    st.sampled_from([f"0x{one:x}" for one in OTHERS] + [f"{one}" for one in OTHERS]),
    st.sampled_from(["ALL", "A", "ALL_CAS", "ALL_SWITCHES", "SELF", "NONE", "", "mgid=ff12::1", " "]),
)
members = st.builds(lambda spec, how: spec + how, specs, st.sampled_from(["", "=full", "=limited", "=both", " = f"]))
bodies = st.lists(members, min_size=1, max_size=6)
heads = st.sampled_from(
    [
        "a=0x8001",
        "b=0x2, ipoib",
        "Default=0x7fff",
        "0x8003, defmember=full",
        "x=0x8001, defmember=limited, mtu=4",
        "z=7",
    ]
)
gaps = st.sampled_from([" ", "\n", "\n  ", " # a comment; with : all, kinds = of signs\n", "\n\n", "\t"])
ends = st.sampled_from([";", ";\n", ";\n# next\n", "; ", ";\n\n"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """A site's own file: comments, groups, several stanzas on a line, a last one without its end."""
    text = draw(st.sampled_from(["", "# ours since 2019 \udcff\n", "\n"]))
    for _ in range(draw(st.integers(1, 5))):
        first, *more = draw(bodies)
        text += f"{draw(heads)} :{draw(gaps)}{first}" + "".join(f",{draw(gaps)}{one}" for one in more) + draw(ends)
    return text.rstrip(";\n ") if draw(st.booleans()) else text


@settings(max_examples=400, deadline=None)
@given(files(), st.sets(st.sampled_from(OTHERS), min_size=1, max_size=3))
def test_what_is_in_force_is_the_base_without_the_held_ports_and_gives_it_back(text: str, gone: set[int]):
    """Tables of all others as they were, those of the held only the default partition, the base byte for byte."""
    if partitions.read_text(text).fails_open:
        with pytest.raises(EnforceError, match="everyone is with everyone"):
            over(text, gone, GUIDS)
        return
    laid = over(text, gone, GUIDS)
    assert base(laid) == text
    assert set(named(laid)) == gone
    if not partitions.unresolved(partitions.read_text(text)):
        assert manager_tables(FABRIC, laid) == masked(manager_tables(FABRIC, text), gone)
    assert over(text, (), GUIDS) == text


def test_a_line_that_is_longer_than_opensms_buffer_comes_back_as_it_was():
    """Thousands of bytes in one line: what is written instead is short, and the buffer's pieces count as lines."""
    names = ", ".join(f"0x{0x9000 + at:016x}" for at in range(200))
    text = f"Default=0x7fff : ALL=limited, SELF=full;\na=1 :\n{names}, 0x{GUIDS[1]:x}=full, 0x{GUIDS[2]:x};\n"
    laid = over(text, {GUIDS[1]}, GUIDS)
    assert base(laid) == text
    assert max(map(len, laid.split("\n"))) < LONGEST_LINE
    assert manager_tables(FABRIC, laid) == masked(manager_tables(FABRIC, text), {GUIDS[1]})


def test_many_held_ports_and_a_partition_of_all_stay_below_opensms_buffer():
    """Ten thousand ports: the file that is written has no over-long line."""
    known = [0x1001 + (at << 8) for at in range(10_000)]
    laid = over("a=0x8001 : ALL=full;\n", set(known[1:900]), known)
    assert max(map(len, laid.split("\n"))) < LONGEST_LINE
    assert set(named(laid)) == set(known[1:900])


@pytest.mark.parametrize("mark", ["# ringfence quarantine", "# ringfence was: x", "# ringfence end"])
def test_a_file_in_which_our_marks_stand_by_hand_is_refused(mark: str):
    """It cannot be told what is the site's: nothing is written then."""
    text = f"a=0x8001 : ALL=full;\n{mark}\nb=0x8002 : 0x{GUIDS[1]:x};\n"
    with pytest.raises(EnforceError, match="look like a quarantine of ours"):
        over(text, {GUIDS[1]}, GUIDS)


class Seat:
    """A fake seat: a text and a note in memory, both written at second 1,000."""

    def __init__(self, text: str, note: str) -> None:
        self._text, self._note = text, note

    def text(self) -> str:
        """The file."""
        return self._text

    def held(self) -> str:
        """The note."""
        return self._note

    def since(self) -> float:
        """When the file was written."""
        return 1000.0


@pytest.mark.parametrize("note", ["", "{", '{"type":"quarantine","ports":[{"what":"gpu1"}]}'])
def test_without_its_note_the_text_in_force_says_who_is_held_and_for_a_day_at_most(note: str):
    """Nobody is let out because a file is gone or damaged, and nobody is kept for ever."""
    laid = over("a=0x8001 : ALL=full;\n", {GUIDS[2]}, GUIDS)
    assert held(Seat(laid, note)) == (Until(f"0x{GUIDS[2]:016x}", 1000 + LONGEST),)
    assert held(Seat("a=0x8001 : ALL=full;\n", note)) == ()


def test_a_port_that_is_named_twice_is_held_as_long_as_any_says():
    """Written with or without leading zeros; 0 is for ever."""
    said = (Until("0x1a", 5), Until("0x000000000000001A", 7), Until("0x2", 3), Until("0x2", 0))
    assert ports_of(said) == (Until("0x0000000000000002", 0), Until("0x000000000000001a", 7))
    for bad in ("gpu1", "0x", "0x0", "0x10000000000000000", "0x-1", "1a"):
        with pytest.raises(InputError, match="no port GUID"):
            ports_of([Until(bad)])
