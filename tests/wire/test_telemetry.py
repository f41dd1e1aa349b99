"""The messages of the telemetry channel: what is written is read, and nothing else is."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire import channel
from ringfence.wire.channel import Beat, Join, Refused
from ringfence.wire.telemetry import BLOCK, CODEC, LONGEST_OF_AGENT, Agent, Batch, Block, Ready, Took

KEY = "ab" * 32
MESSAGES = (
    Agent("host:gpu0001", "agent", ("files", "files.urgent")),
    Ready("service:fence01/ringfence:8443", 15.0, 64),
    Block(1, "files", 7, 1, b'{"time":1}\n'),
    Block(1, "files.urgent", 7, 1, bytes(range(256)), urgent=True),
    Batch(2, b"\x00\xff", {"host:gpu0001": KEY}),
    Took(7),
    Beat(answer=True),
    Refused("no"),
    Join("secret", "request"),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_what_is_written_is_read(message):
    """Length first."""
    frame = CODEC.encode(message)
    assert CODEC.length(frame[:4]) == len(frame) - 4
    assert CODEC.decode(frame[4:]) == message


def test_a_join_is_the_same_on_both_channels():
    """So that a node can enrol at either port."""
    assert channel.encode(MESSAGES[-1]) == CODEC.encode(MESSAGES[-1])


@pytest.mark.parametrize(
    "bad",
    [
        Block(1, "Files", 1, 1, b""),
        Block(1, "../x", 1, 1, b""),
        Block(1, "files", 0, 1, b""),
        Block(1, "files", 1, 0, b""),
        Block(1, "files", 1, 1, bytes(BLOCK + 1)),
        Batch(1, b"", {"host:gpu0001": "short"}),
        Agent("host:gpu0001", "a" * 20),
        Took(0),
    ],
    ids=str,
)
def test_what_is_out_of_bounds_is_refused(bad):
    """Names, numbers and lengths."""
    with pytest.raises(InputError):
        CODEC.decode(CODEC.encode(bad)[4:])


def test_lengths_are_bounded_before_anything_is_read():
    """An agent's more narrowly than a relay's."""
    for size in (0, LONGEST_OF_AGENT + 1, 1 << 31):
        with pytest.raises(InputError):
            CODEC.length(size.to_bytes(4, "big"), LONGEST_OF_AGENT)


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.recursive(st.none() | st.integers(-(2**63), 2**63) | st.binary(max_size=4),
       lambda inner: st.dictionaries(st.text(max_size=4), inner, max_size=3)).map(msgspec.msgpack.encode)))  # fmt: skip
def test_nonsense_is_an_input_error(body):
    """And nothing else is raised."""
    try:
        CODEC.decode(body)
    except InputError:
        return
