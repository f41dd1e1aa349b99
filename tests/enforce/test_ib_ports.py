"""How a change is followed on ports, with a fake reader that holds tables in memory; the real one is in tests/live."""

from collections.abc import Sequence

import msgspec

from ringfence.enforce.ib_ports import Ports
from ringfence.segment.compile.ib_steps import Step
from ringfence.segment.compile.partitions import Plan, plan_fabrics, tables
from ringfence.wire.ibnet.tables import Place, Seen
from tests.segment.test_partitions import JOBS, inventory


class FakeReader:
    """A fabric in memory, not a fabric: what is put is at once in every table."""

    def __init__(self, held: dict[int, dict[int, str]], absent: tuple[int, ...] = ()) -> None:
        self.ends, self.leaves, self.absent = dict(held), dict(held), absent

    def places(self) -> tuple[Place, ...]:
        """Those that are not absent."""
        return tuple(Place(guid, guid, 0, 1, guid) for guid in self.ends if guid not in self.absent)

    def read(self, places: Sequence[Place], wanted: Sequence[int] = ()) -> Seen:
        """The tables as they are."""
        there = [place.guid for place in places]
        ends, leaves = ({guid: side[guid] for guid in there} for side in (self.ends, self.leaves))
        return Seen(ends, leaves, (), tuple(sorted(set(wanted) - set(there))))

    def room(self, places: Sequence[Place]) -> dict[int, int]:
        """Nobody said."""
        return dict.fromkeys((place.guid for place in places), 0)

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
