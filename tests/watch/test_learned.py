"""What detectors keep of the past is bounded, plain and the same from the same input."""

import msgspec

from ringfence.watch.learned import DAY, HOUR, LONGEST, Among, Learning, Seen, Spread, Sums, Usual, clock
from tests.watch.events import T0, batch, event


def test_learning_takes_its_time_and_begins_anew_when_the_clock_jumps_back():
    """A first event from the future does not blind it for ever."""
    state = Learning()
    assert not state.done(T0 + 30 * DAY)
    assert not state.done(T0)
    assert state.began == T0
    assert state.done(T0 + 10 * HOUR)


def test_the_clock_begins_learning_and_events_of_before_count():
    """Where nothing happened for hours, the first thing that does is judged; what is told of the past is learned."""
    quiet, told = Learning(), Learning()
    for state in (quiet, told):
        state.passed(T0)
    assert quiet.done(T0 + 10 * HOUR)
    assert not told.done(T0 - 12 * HOUR)
    told.passed(T0 + 1)
    assert told.done(T0 - 2 * HOUR)
    told.done(T0 - 20 * HOUR)
    assert told.began == T0 - 12 * HOUR  # a host whose clock is wrong moves nothing later


def test_what_was_seen_is_known_until_there_is_no_room():
    """The oldest go."""
    seen = Seen(most=16)
    assert [seen.add("a", 5), seen.add("a", 3)] == [True, False]
    assert seen.within("a", 6, 1)
    for at in range(100):
        seen.add(f"k{at}", 10 + at)
    assert len(seen.at) <= 16
    assert "a" not in seen.at


def test_sums_forget_old_slots():
    """And late amounts count in their own."""
    sums = Sums(width=10, slots=3)
    assert [sums.add("a", 5, 1), sums.add("a", 15, 2), sums.add("a", 25, 4), sums.add("a", 38, 8)] == [1, 3, 7, 14]
    assert sums.add("a", 21, 1) == 7


def test_the_most_of_before_is_of_whole_slots():
    """[slot, sum, most before, how many before, when first]."""
    usual = Usual(width=10)
    usual.add("a", 1, 5)
    usual.add("a", 12, 3)
    assert usual.add("a", 25, 1) == [2, 1, 4.75, 2, 1]


def test_different_items_are_counted_within_their_span():
    """Up to a most."""
    among = Among(span=10, items=4)
    assert [among.add("a", str(at), at) for at in range(6)] == [1, 2, 3, 4, 4, 4]
    assert among.add("a", "x", 100) == 1


def test_owners_are_counted_before_the_one_that_is_added():
    """A few are kept by name."""
    spread = Spread(owners=2)
    assert [spread.add("k", name, 1) for name in ("a", "a", "b", "c")] == [0, 1, 1, 2]
    assert spread.has("k", "b")
    assert not spread.has("k", "c")


def test_floods_of_long_names_stay_small():
    """And are saved and read again as they were."""
    for state in (
        Seen(most=64),
        Sums(width=1, slots=2, most=64),
        Among(span=9, most=64),
        Spread(most=64),
        Usual(9, most=64),
    ):
        for at in range(300):
            key = f"{at}" + "x" * 5000
            args = {Seen: (at,), Sums: (at, 1), Among: (key, at), Spread: (key, at), Usual: (at, 1)}[type(state)]
            state.add(key, *args)
        saved = msgspec.msgpack.encode(state)
        assert len(saved) < 64 * 3 * LONGEST
        assert msgspec.msgpack.decode(saved, type=type(state)) == state
        assert msgspec.json.decode(msgspec.json.encode(state), type=type(state)) == state


def test_the_clock_of_a_batch_is_its_middle():
    """One odd clock at an end moves nothing."""
    assert clock(batch(event(0, 0, 1), event(0, 0, 2), event(0, 0, 9e8))) == T0 + 2_000_000
