"""A stage with its place in a log."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.app.watch import stages
from ringfence.app.watch.stages import BEAT, EVENTS, YIELDED, Clock, Entry, Place
from ringfence.transport.arrow import packed
from ringfence.watch.batch import of_events
from ringfence.watch.detectors import DETECTORS
from ringfence.watch.engine import SECOND, JointStage, NodeStage, Yielded
from ringfence.watch.site import Nowhere
from ringfence.watch.values import DETECTOR, Signal
from ringfence.wire.ocsf import classes
from tests.app.watch.counting import CountingJoint, CountingNode, events
from tests.watch.events import T0, event, flow, started, time


def entry(seq, first, count=5, at=T0):
    return Entry(seq, EVENTS, at, packed(events("gpu0001", first, count).record))


def test_what_is_read_again_from_a_checkpoint_yields_the_same():
    """Number for number: that is what lets a successor's yields be told from new ones."""
    log = [entry(at, 5 * at) for at in range(1, 9)]
    first, place = CountingNode(), Place()
    yields = [stages.take(first, place, one, (), []) for one in log[:4]]
    state, kept = first.save(), place.position
    yields += [stages.take(first, place, one, (), []) for one in log[4:]]
    second, place = CountingNode(), Place(kept)
    second.load(state)
    assert [stages.take(second, place, one, (), []) for one in log[4:]] == yields[4:]


def test_what_a_share_yielded_before_is_passed_by():
    """A predecessor's yields may come late, a successor's twice; each part of each counts once."""
    signal = Signal("RF.D00", DETECTOR, "events", "gpu0001", T0, ("host:gpu0001",), (), "", count=3)
    [body] = stages.written(Yielded((signal,)), 1000)
    joint, place = CountingJoint(), Place()
    marks = [(7, 1), (7, 2), (7, 1), (9, 1), (8, 1), (9, 1)]
    found = [
        stages.join(joint, place, Entry(at, YIELDED, T0, body, ("5", *mark)), (), []) for at, mark in enumerate(marks)
    ]
    assert [len(one) for one in found] == [1, 1, 0, 1, 0, 0]
    assert joint.counted == {"gpu0001": (3, 9)}


def test_an_entry_that_no_stage_can_take_is_told_and_passed_by():
    """Whoever took over would stop at it too."""
    faults, place = [], Place()
    assert stages.take(CountingNode(), place, Entry(4, EVENTS, T0, b"no batch"), (), faults) == []
    assert stages.join(CountingJoint(), place, Entry(5, YIELDED, T0, b"?", ("1", 2, 1)), (), faults) == []
    assert place.position == 5
    assert ["events 4" in faults[0], "yielded 5" in faults[1]] == [True, True]


def test_time_is_told_once_a_second_of_the_log_and_not_just_after_it_was_away():
    """Else every source would seem silent when the log comes back."""
    clock = Clock()
    assert [clock.due(T0 + at * SECOND // 2) for at in range(5)] == [True, False, True, False, True]
    back = T0 + 100 * SECOND
    assert not clock.due(back)
    assert not clock.due(back + 9 * SECOND)
    assert clock.due(back + 18 * SECOND) is False
    assert [clock.due(back + at * SECOND) for at in (27, 29, 30, 31)] == [False, False, True, True]


def test_a_beat_is_time_and_nothing_else():
    """It is in the log, so that whoever reads it again tells the same time."""
    node = CountingNode()
    assert stages.take(node, Place(), Entry(1, BEAT, T0, b'{"heard":0}'), (), []) == []
    assert node.last == {}


def test_what_is_too_large_for_a_message_travels_in_parts():
    """Signals and condensed batches both come back whole, in order."""
    signals = tuple(Signal("RF.D00", DETECTOR, "x" * 300, str(at), T0, ("host:a",), (), "") for at in range(40))
    batch = events("gpu0001", 1, 2000)
    bodies = list(stages.written(Yielded(signals, (batch, batch)), 4096))
    parts = [stages.read(one) for one in bodies]
    assert max(map(len, bodies)) <= 4096 + 64
    assert tuple(one for part in parts for one in part.signals) == signals
    assert sum(len(one) for part in parts for one in part.condensed) == 4000


def happening(rng, at):
    """One of a few kinds of event that the detectors look at, on one of four hosts."""
    host = f"gpu000{rng.randrange(4)}"
    kind = rng.randrange(5)
    if kind == 0:
        return event(classes.HARDWARE, 5, at, host, hardware__controller=f"bmc:{host}", hardware__sensor="lid")
    if kind == 1:
        return event(
            classes.GPU, 2, at, host, gpu__uuid=f"GPU-{host}", process__name="xmrig", process__user__name="eve"
        )
    if kind == 2:
        return flow(at, host, f"203.0.113.{rng.randrange(9)}", out=rng.randrange(10**9))
    if kind == 3:
        return started(at, f"job:slurm/c/{rng.randrange(5)}", host, "gpu0009")
    return event(classes.FABRIC, 3, at, host, ib__manager="0x1", source=f"host:{host}/fabric")


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 59))
def test_the_real_stages_go_on_from_a_checkpoint_as_if_nothing_had_happened(seed, cut):
    """Yields and incidents are equal, version for version, wherever the kill falls."""
    rng = random.Random(seed)
    log = [
        Entry(at, EVENTS, time(at * 20), packed(of_events(happening(rng, at * 20) for _ in range(6)).record))
        for at in range(1, 60)
    ]

    def played(stop):
        node, joint, here, there = NodeStage(DETECTORS, Nowhere()), JointStage(DETECTORS, Nowhere()), Place(), Place()
        found = []
        for one in log:
            faults = []
            yields = stages.take(node, here, one, (), faults)
            bodies = [body for each in yields for body in stages.written(each, 1 << 20)]
            found.append([bodies])
            for part, body in enumerate(bodies, 1):
                entry = Entry(one.seq, YIELDED, one.at, body, ("0", one.seq, part))
                found[-1].append(stages.join(joint, there, entry, (), faults))
            assert faults == []
            if one.seq == stop:
                saved = node.save(), joint.save(), msgspec.msgpack.encode([here, there])
                node, joint = NodeStage(DETECTORS, Nowhere()), JointStage(DETECTORS, Nowhere())
                node.load(saved[0])
                joint.load(saved[1])
                here, there = msgspec.msgpack.decode(saved[2], type=tuple[Place, Place])
        return found

    whole = played(0)
    assert any(incidents for _, *each in whole for incidents in each)
    assert played(cut) == whole
