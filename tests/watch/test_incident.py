"""Signals become incidents: joined, merged, rated, told, closed."""

from collections.abc import Sequence

import msgspec

from ringfence.watch.detector import View
from ringfence.watch.incident import COMMON_HOSTS, HOUR, MOST_SIGNALS, QUIET, Joiner, Joining
from ringfence.watch.rating import TOLD, weight
from ringfence.watch.roster import Roster
from ringfence.watch.site import Nowhere
from ringfence.watch.values import DETECTOR, Incident, Signal, Stake

T0 = 1_800_000_000_000_000


class NearModel(Nowhere):
    """An estate in which everything is five minutes from one model."""

    def stake(self, positions: object) -> Stake:
        return Stake(("model:m",), 2, (5.0, 30.0), True)


def signal(name: str = "RF.D04", *entities: str, at: int = 0, **said: object) -> Signal:
    """A grave signal about some entities."""
    fixed = {
        "name": name,
        "kind": DETECTOR,
        "title": f"title of {name}",
        "key": "|".join(entities),
        "time": T0 + at,
        "entities": entities or ("host:a",),
        "sources": ("host:a/sockets",),
        "why": "because",
        "severity": 80,
        "confidence": 0.8,
    }
    return Signal(**(fixed | said))


def told(
    signals: Sequence[Signal], state: Joining | None = None, view: View | None = None, now: int = 0
) -> list[Incident]:
    """What joining these signals tells."""
    view = view or View(Nowhere(), Roster())
    return list(Joiner(view.site).join(state if state is not None else Joining(), signals, T0 + now, view))


def test_one_grave_signal_is_an_incident():
    """It names the entities, the detector's sentence and its source's key."""
    (one,) = told([signal("RF.D04", "host:a", "job:slurm/c/1")])
    assert one.entities == ("host:a", "job:slurm/c/1")
    assert one.sources == ("host:a",)
    assert one.why["signal"] == "because"


def test_a_weak_signal_waits_for_others():
    """Alone it is not told; a second name about the same host makes it so, and both are in it."""
    state = Joining()
    weak = {"severity": 50, "confidence": 0.6}
    assert told([signal("RF.D03", "host:a", **weak)], state) == []
    assert told([signal("RF.D21", "host:b", **weak)], state) == []
    (one,) = told([signal("RF.D21", "host:a", at=60, **weak)], state)
    assert {each.name for each in one.signals} == {"RF.D03", "RF.D21"}
    assert weight(one.signals) >= TOLD


def test_the_same_name_twice_adds_no_weight():
    """Ten repeats of one weak signal are one opinion."""
    weak = [signal("RF.D03", "host:a", f"job:slurm/c/{at}", severity=50, confidence=0.6) for at in range(10)]
    assert told(weak) == []


def test_an_entity_in_common_joins_two_incidents_into_the_older():
    """The younger is closed and says into which it went."""
    state = Joining()
    first = told([signal("RF.D04", "host:a")], state)[0]
    second = told([signal("RF.D10", "host:b", at=5)], state)[0]
    changed = {one.id: one for one in told([signal("RF.D31", "host:a", "host:b", at=9)], state)}
    assert changed[second.id].why["merged into"] == first.id
    assert changed[second.id].state == "closed"
    assert {each.name for each in changed[first.id].signals} == {"RF.D04", "RF.D10", "RF.D31"}
    assert list(state.open) == [first.id]


def test_merged_incidents_stay_joined():
    """What was known by an entity of the younger finds the older one afterwards."""
    state = Joining()
    first = told([signal("RF.D04", "host:a")], state)[0]
    told([signal("RF.D10", "host:b", "job:slurm/c/7", at=5)], state)
    told([signal("RF.D31", "host:a", "host:b", at=9)], state)
    (later,) = told([signal("RF.D22", "job:slurm/c/7", at=20)], state)
    assert later.id == first.id


def test_what_is_far_apart_in_time_is_not_the_same_incident():
    """Five hours later the same host begins a new one."""
    state = Joining()
    first = told([signal("RF.D04", "host:a")], state)[0]
    later = told([signal("RF.D10", "host:a", at=5 * HOUR)], state)[0]
    assert later.id != first.id


def test_an_account_that_is_everywhere_joins_nothing():
    """An administrator's account named on many hosts does not make one incident of the whole cluster."""
    state = Joining()
    found = set()
    for at in range(COMMON_HOSTS + 3):
        found |= {one.id for one in told([signal("RF.D30", f"host:h{at}", "identity:admin", at=at)], state)}
    assert len(state.open) > 1
    assert len(found) > 1


def test_a_replay_makes_the_same_incidents():
    """Ids derive from the signals and not from when they were read."""
    signals = [signal("RF.D04", "host:a"), signal("RF.D10", "host:b", at=3)]
    assert told(signals) == told(signals)


def test_state_can_be_saved_between_any_two_signals():
    """Saved and taken up, joining goes on as if nothing had been."""
    signals = [
        signal(name, f"host:{host}", at=at) for at, (name, host) in enumerate([("A", "a"), ("B", "b"), ("C", "a")])
    ]
    whole, cut = Joining(), Joining()
    for one in signals:
        told([one], whole)
        told([one], cut)
        cut = msgspec.msgpack.decode(msgspec.msgpack.encode(cut), type=Joining)
    assert cut == whole


def test_the_estate_raises_severity_and_says_why():
    """Minutes to the model are in `why`; without an estate the incident says that it does not know."""
    held = signal("RF.D10", "host:a", holds=("host:a#user",), severity=60)
    near = told([held], view=View(NearModel(), Roster()))[0]
    unknown = told([held])[0]
    assert near.severity == 80
    assert "model:m is 2 moves and 5 minutes away" in near.why["stake"]
    assert unknown.severity == 60
    assert not unknown.stake.known
    assert "does not mean nothing is" in unknown.why["stake"]


def test_a_critical_phase_raises_severity():
    """A job in its checkpoint phase has the most to lose."""
    view = View(Nowhere(), Roster(), {"job:slurm/c/1": "checkpoint"})
    one = told([signal("RF.D13", "host:a", "job:slurm/c/1", severity=70)], view=view)[0]
    assert one.phase == "checkpoint"
    assert one.severity == 78


def test_a_quiet_incident_is_closed_after_a_day():
    """And its entities are free for a new one."""
    state = Joining()
    told([signal("RF.D04", "host:a")], state)
    (closed,) = told([], state, now=QUIET + HOUR)
    assert closed.state == "closed"
    assert not state.open
    assert not state.by_entity


def test_a_flood_of_signals_stays_bounded():
    """Thousands of signals about one host keep the gravest, and count."""
    flood = [signal("RF.D07", "host:a", at=at, key=str(at), severity=50) for at in range(500)]
    state = Joining()
    told([*flood, signal("RF.D04", "host:a", at=501, severity=95)], state)
    (one,) = state.open.values()
    assert len(one.signals) == MOST_SIGNALS
    assert max(each.severity for each in one.signals) == 95


def test_a_verdict_ends_it():
    """Dismissed as benign, it is told once more with the verdict."""
    state = Joining()
    (one,) = told([signal("RF.D04", "host:a")], state)
    ended = Joiner(Nowhere()).dismiss(state, one.id, "benign")
    assert ended is not None
    assert (ended.state, ended.why["verdict"]) == ("dismissed", "benign")
    assert Joiner(Nowhere()).dismiss(state, one.id, "benign") is None
