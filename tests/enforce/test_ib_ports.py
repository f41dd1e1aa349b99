"""How a change is followed on ports, with a fake reader that holds tables in memory; the real one is in tests/live."""

from collections.abc import Sequence

import msgspec
import pytest

from ringfence.enforce import ib_ports
from ringfence.enforce.ib_ports import Ports
from ringfence.errors import EnforceError
from ringfence.segment.compile.ib_steps import Step
from ringfence.segment.compile.partitions import Plan, plan_fabrics, tables
from ringfence.wire.ibnet.tables import Place, Seen
from tests.segment.test_partitions import JOBS, inventory


class FakeReader:
    """A fabric in memory, not a fabric: what is put is at once in every table."""

    def __init__(self, held: dict[int, dict[int, str]], absent: tuple[int, ...] = ()) -> None:
        self.ends, self.leaves, self.absent = dict(held), dict(held), absent
        self.looked = 0
        self.asked: set[int] = set()
        self.elsewhere: tuple[int, ...] = ()

    def places(self) -> tuple[Place, ...]:
        """Those that are not absent."""
        self.looked += 1
        return tuple(Place(guid, guid, 0, 1, guid) for guid in self.ends if guid not in self.absent)

    def read(self, places: Sequence[Place], wanted: Sequence[int] = ()) -> Seen:
        """The tables as they are."""
        there = [place.guid for place in places]
        self.asked |= set(there)
        ends, leaves = ({guid: side[guid] for guid in there} for side in (self.ends, self.leaves))
        return Seen(ends, leaves, (), tuple(sorted(set(wanted) - set(there))))

    def room(self, places: Sequence[Place]) -> dict[int, int]:
        """Nobody said."""
        return dict.fromkeys((place.guid for place in places), 0)

    def moved(self, places: Sequence[Place]) -> tuple[int, ...]:
        """Those of which a test says so."""
        return tuple(place.guid for place in places if place.guid in self.elsewhere)

    def put(self, step: Step) -> None:
        """As opensm would."""
        self.ends = self.leaves = step.tables


def plan() -> Plan:
    """Two jobs and storage."""
    ((made,), _) = plan_fabrics(JOBS, inventory(), "opensm", {})
    return made


def follow(reader: FakeReader) -> list[str]:
    """The sweeps to the plan."""
    return [step.what for step in Ports(plan().fabric, reader).follow(plan(), reader.put)]


def test_a_host_that_is_down_costs_no_sweep():
    """Its table is not there to be wrong; the next order finds nothing to do."""
    reader = FakeReader(tables(plan()), absent=(0x1002,))
    assert follow(reader) == []


def test_a_leaf_port_with_a_key_too_many_is_cut_though_its_adapter_is_right():
    """What the switch lets through is in force as well."""
    reader = FakeReader(tables(plan()))
    reader.leaves = reader.leaves | {0x100B: {0x7FFF: "full"}}
    assert follow(reader) == ["cut"]
    assert follow(reader) == []


def test_a_leaf_port_that_lacks_a_key_is_swept_again():
    """Nothing is to be opened or cut, and still the port is not as it shall be."""
    reader = FakeReader(tables(plan()))
    reader.leaves = reader.leaves | {0x1001: {0x7FFF: "limited"}}
    assert follow(reader) == ["open"]
    assert follow(reader) == []


def test_sizes_that_the_ports_tell_replace_the_inventory():
    """A switch that holds eight keys is found out before anything is written."""
    reader = FakeReader(tables(plan()))
    reader.room = lambda places: {place.guid: 8 for place in places}
    ports = Ports(msgspec.structs.replace(plan().fabric, table={}), reader)
    ports.seen()
    assert {ports.fabric.holds(port) for port in ports.fabric.ports} == {8}


KEPT = 1000.0


def started_and_ended() -> tuple[Plan, Plan]:
    """The plan with all jobs, and the plan without the first key; what a job's end changes."""
    return plan(), msgspec.structs.replace(plan(), keys=plan().keys[1:])


class Kept:
    """Ports whose cables are kept, on a fake fabric; two untouched ports are read with each change."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, absent: tuple[int, ...] = ()) -> None:
        monkeypatch.setattr(ib_ports, "SAMPLE", 2)
        self.more, self.less = started_and_ended()
        self.reader = FakeReader(tables(self.more), absent)
        self.ports = Ports(self.more.fabric, self.reader, 0.2, KEPT)
        self.ports.seen()
        self.forget()
        before, after = tables(self.more), tables(self.less)
        self.touched = {guid for guid, held in before.items() if held != after[guid]}

    def forget(self) -> None:
        """What was asked so far."""
        self.reader.looked, self.reader.asked = 0, set()

    def follow(self, wanted: Plan, asked: tuple[int, ...] = ()) -> list[str]:
        """The sweeps, each read back."""

        def put(step: Step) -> None:
            self.reader.put(step)
            self.ports.wait(step.tables)

        return [step.what for step in self.ports.follow(wanted, put, asked=asked)]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """All is known and in force."""
    return Kept(monkeypatch)


def test_a_change_reads_the_ports_that_it_touches_and_a_few_more(kept):
    """No cables are looked up; every port that lost a key was read, others in turn."""
    assert kept.follow(kept.less) == ["cut"]
    assert kept.reader.looked == 0
    assert kept.touched <= kept.reader.asked
    assert len(kept.reader.asked - kept.touched) <= 2
    assert kept.follow(kept.more) == ["open"]
    assert kept.reader.looked == 0


def test_a_job_s_ports_are_read_although_nothing_of_theirs_changes(kept):
    """Its answer says that its keys are in the tables, so somebody has to have looked."""
    others = tuple(set(tables(kept.more)) - kept.touched)
    assert kept.follow(kept.more, others) == []
    assert set(others) <= kept.reader.asked
    assert kept.reader.looked == 0


def test_in_turn_every_port_is_read(kept):
    """Changes that touch nothing still look at two ports each."""
    for _ in range(len(tables(kept.more))):
        kept.follow(kept.more)
    assert kept.reader.asked == set(tables(kept.more))
    assert kept.reader.looked == 0


@pytest.mark.parametrize("side", ["ends", "leaves"])
def test_a_port_that_holds_what_nobody_put_there_has_everything_read(kept, side):
    """Somebody else changed a table that this change touches: nothing that was kept is relied on."""
    one = min(kept.touched)
    setattr(kept.reader, side, tables(kept.more) | {one: {0x7FFF: "full"}})
    assert "cut" in kept.follow(kept.less)
    assert kept.reader.looked > 0
    assert kept.reader.asked == set(tables(kept.more))
    assert kept.reader.ends == kept.reader.leaves == tables(kept.less)


def test_a_port_that_has_moved_has_its_cables_looked_up(kept):
    """At its LID another port answers."""
    kept.reader.elsewhere = (min(kept.touched),)
    assert kept.follow(kept.less) == ["cut"]
    assert kept.reader.looked == 1


def test_a_job_on_a_port_that_was_down_has_it_looked_for(monkeypatch):
    """It may be up by now; ports that are down and in no job cost nothing."""
    kept = Kept(monkeypatch, (0x1002,))
    kept.follow(kept.less)
    assert kept.reader.looked == 0
    kept.reader.absent = ()
    kept.follow(kept.more, (0x1002,))
    assert kept.reader.looked == 1
    assert 0x1002 in kept.reader.asked


def test_after_a_failure_nothing_that_was_kept_is_relied_on(kept):
    """The port that did not follow is named; the next change reads everything."""
    stuck = min(kept.touched)
    put = kept.reader.put

    def all_but_one(step: Step) -> None:
        old = kept.reader.ends[stuck]
        put(step)
        kept.reader.ends = kept.reader.leaves = step.tables | {stuck: old}

    kept.reader.put = all_but_one
    with pytest.raises(EnforceError, match="do not hold"):
        kept.follow(kept.less)
    assert kept.ports.late == {stuck}
    kept.reader.put = put
    kept.forget()
    assert kept.follow(kept.less) == ["cut"]
    assert kept.reader.looked == 1
    assert kept.reader.asked == set(tables(kept.more))


def test_a_cable_that_moved_while_a_sweep_ran_is_found(kept, monkeypatch):
    """The old leaf port keeps its table; after a while the port is looked for, and found elsewhere."""
    monkeypatch.setattr(ib_ports, "_DOUBT", 0.01)
    moved = min(kept.touched)
    read = kept.reader.read
    stale = dict(tables(kept.more)[moved])

    def at_the_old_leaf(places, wanted=()):
        seen = read(places, wanted)
        return seen if kept.reader.looked else msgspec.structs.replace(seen, leaves=seen.leaves | {moved: stale})

    kept.reader.read = at_the_old_leaf
    assert kept.follow(kept.less) == ["cut"]
    assert kept.reader.looked == 1
