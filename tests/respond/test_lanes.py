"""Which lane goes next: by rank at a place, by rate, by room; and writes that are made together."""

import threading

import pytest

from ringfence.errors import StateError
from ringfence.respond.lanes import Lanes, Pace, Together
from ringfence.store.actions import Waiting

CONTAIN, FLOWS, FABRIC = ("contain", "host:a"), ("flows", "host:a"), ("quarantine", "network:ib/x")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_lower_rank_goes_first_at_its_place_and_delays_no_other_place(clock):
    lanes = Lanes(clock, Pace())
    due = [Waiting(*FLOWS, first=1, fresh=True), Waiting(*CONTAIN, first=0, fresh=True), Waiting(*FABRIC, first=0)]
    assert lanes.begin(due) == [CONTAIN, FABRIC]
    assert lanes.begin([Waiting(*FLOWS, first=1), Waiting(*CONTAIN, doing=0)]) == []
    lanes.ended(CONTAIN, True)
    assert lanes.begin([Waiting(*FLOWS, first=1)]) == [FLOWS]


def test_a_lower_rank_that_hangs_is_waited_for_a_moment_only(clock):
    lanes = Lanes(clock, Pace(patience=1.0, deadline=15.0))
    due = [Waiting(*FLOWS, first=1, fresh=True), Waiting(*CONTAIN, first=0, fresh=True)]
    lanes.begin(due)
    clock.now += 1.1
    assert lanes.begin(due) == [FLOWS]
    assert lanes.late() == []
    clock.now += 15
    assert set(lanes.late()) == {CONTAIN, FLOWS}
    assert lanes.late() == []  # told once


def test_to_undo_the_highest_rank_goes_first(clock):
    lanes = Lanes(clock, Pace())
    due = [Waiting(*CONTAIN, undo=0, fresh=True), Waiting(*FLOWS, undo=1, fresh=True)]
    assert lanes.begin(due) == [FLOWS]


def test_what_failed_is_tried_ever_more_seldom_and_what_is_new_soon(clock):
    lanes = Lanes(clock, Pace(first=1.0, longest=8.0, fresh=2.0))
    waits = []
    for _ in range(6):
        waited = 0.0
        while not lanes.begin([Waiting(*CONTAIN)]):
            clock.now += 0.5
            waited += 0.5
        waits.append(waited)
        lanes.ended(CONTAIN, False)
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 8.0]
    clock.now += 2.0
    assert lanes.begin([Waiting(*CONTAIN)]) == []
    assert lanes.begin([Waiting(*CONTAIN, first=0, fresh=True)]) == [CONTAIN]


def test_lanes_that_hang_use_up_the_room_of_no_other_target(clock):
    lanes = Lanes(clock, Pace(at_once=2, stuck=3, slow=1.0))
    hosts = [Waiting("contain", f"host:{at}", first=0) for at in range(9)]
    assert len(lanes.begin([*hosts, Waiting(*FABRIC, first=0)])) == 3
    clock.now += 1.0
    assert len(lanes.begin(hosts)) == 2  # those that hang gave their room back
    clock.now += 1.0
    assert lanes.begin(hosts) == []  # up to a number
    assert lanes.begin([Waiting("scheduler", "cluster:x", first=2)]) == [("scheduler", "cluster:x")]


def test_what_comes_while_one_batch_is_written_is_in_the_next():
    batches, first = [], threading.Event()

    def write(items):
        batches.append(len(items))
        first.wait(10)
        return [one * 2 for one in items]

    together = Together(write)
    found = {}
    threads = [threading.Thread(target=lambda at=at: found.update({at: together(at)})) for at in range(50)]
    for one in threads:
        one.start()
    first.set()
    for one in threads:
        one.join(10)
    assert found == {at: 2 * at for at in range(50)}
    assert sum(batches) == 50


def test_a_write_that_fails_fails_for_all_who_wait_and_the_next_is_tried():
    full = [True]

    def write(items):
        if full[0]:
            raise OSError("no space left")
        return items

    together = Together(write)
    with pytest.raises(StateError, match="no space left"):
        together(1)
    full[0] = False
    assert together(2) == 2
