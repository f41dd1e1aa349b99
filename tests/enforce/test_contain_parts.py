"""From a containment's lines to elements that overlap nowhere."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.enforce import contain_parts as parts
from ringfence.enforce import contain_table
from ringfence.enforce.contain_parts import FOREVER, Part, covered, layered, placed, span_of
from ringfence.enforce.revoked_keys import fingerprint
from ringfence.errors import EnforceError
from ringfence.wire.contain import OnHost, Until

GROUPS = {"4712": (("jobs2", "ringfence.slice/job_4712"),)}
SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 5)).map(
        lambda one: (min(one[:2]), max(one[:2]), one[2])
    ),
    max_size=12,
)


@given(SPANS)
def test_each_point_has_the_latest_end_of_all_that_it_lies_in(spans):
    found = list(layered(spans))
    assert all(one[1] < other[0] for one, other in pairwise(found))
    for point in range(32):
        wanted = max((end for low, high, end in spans if low <= point <= high), default=0)
        assert max((end for low, high, end in found if low <= point <= high), default=0) == wanted


@given(SPANS, st.integers(0, 30), st.integers(0, 30))
def test_a_span_is_covered_where_each_of_its_points_is(spans, one, other):
    found, low, high = list(layered(spans)), min(one, other), max(one, other)
    ends = [max((end for a, b, end in found if a <= point <= b), default=0) for point in range(low, high + 1)]
    assert covered((low, high), found) == (min(ends) if all(ends) else None)


def test_what_never_ends_outlasts_all_and_the_whole_space_is_two_halves():
    found = placed([Part("wide4", (0, (1 << 32) - 1), 0), Part("wide4", (5, 9), 77), Part("peers4", 5, 9)])
    assert found["wide4"] == {(0, (1 << 31) - 1): (0, ""), (1 << 31, (1 << 32) - 1): (0, "")}
    assert found["peers4"] == {5: (9, "")}
    assert parts.end(0) == FOREVER


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("10.0.0.5", (4, 0x0A000005, 0x0A000005)),
        ("10.0.0.5/32", (4, 0x0A000005, 0x0A000005)),
        ("10.0.0.7/30", (4, 0x0A000004, 0x0A000007)),
        ("::ffff:10.0.0.5", (4, 0x0A000005, 0x0A000005)),
        ("fd00::/127", (6, 0xFD << 120, (0xFD << 120) + 1)),
        ("fe80::1%eth0", None),
        ("10.0.0.5; flush ruleset", None),
        ("host.example", None),
        ("", None),
    ],
)
def test_addresses_are_read_and_nothing_else(what, found):
    assert span_of(what) == found


def test_what_is_to_be_kept_has_to_be_read_and_isolating_without_it_is_refused():
    with pytest.raises(EnforceError, match="no address"):
        parts.kept(OnHost(keep=("10.0.0.1", "server")))
    with pytest.raises(EnforceError, match="own server"):
        parts.kept(OnHost(isolated=(Until("x"),)))


def test_lines_that_cannot_be_carried_out_have_no_parts():
    document = OnHost(
        counted=(Until("10.0.0.0/8"),),
        blocked=(Until("nonsense"),),
        users=(Until("eve"), Until("4294967295"), Until("bob")),
        jobs=(Until("4711"), Until("4712"), Until("../../x")),
    )
    found = parts.entries(document, {"bob": 7}, GROUPS)
    assert {one.what: len(one.parts) for one in found} == {
        "10.0.0.0/8": 0, "nonsense": 0, "eve": 0, "4294967295": 0, "bob": 1, "4711": 0, "4712": 1, "../../x": 0,
    }  # fmt: skip


@pytest.mark.parametrize("listing", ["", "{}", '{"nftables": [{}]}', "[]", '{"nftables": [{"limit": {}}]}'])
def test_a_listing_that_is_none_is_an_error(listing):
    with pytest.raises(EnforceError, match="cannot be read"):
        contain_table.read(listing, 0, "")


def test_a_listing_of_less_than_our_table_is_not_the_whole():
    assert not contain_table.read('{"nftables": [{"set": {"name": "peers4"}}]}', 0, "").whole


def test_only_keys_and_fingerprints_have_a_fingerprint():
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8sDYDxQlBLW4PqFv1uC9H3gX9zlzNHzV1zW1xQ0O1a"
    ours = fingerprint(key)
    assert ours.startswith("SHA256:")
    assert fingerprint(f"{key} eve@home") == ours == fingerprint(ours)
    for other in ("SHA256:zz", "SHA256:", "MD5:aa", "", "ssh-ed25519", f"{key}\nhash: x", f'command="x" {key}'):
        assert fingerprint(other) == ""
