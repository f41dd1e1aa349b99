"""The fence through UFM's REST interface, against a stand-in for UFM that drives the real opensm on ibsim."""

from pathlib import Path

import httpx
import pytest

from ringfence.collect.ib_tables import TableReader
from ringfence.enforce.ufm import Ufm
from ringfence.errors import EnforceError
from ringfence.segment.compile.ib_steps import handed_over
from ringfence.segment.compile.partitions import plan_fabrics
from ringfence.segment.compile.ufm import TARGET, Before, compile_ufm, text
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Policy
from ringfence.segment.prove.ib import prove_ib, prove_tables
from tests.live.opensm import fabric, host_name, port_guid
from tests.live.test_ib_fence import policy, ports
from tests.live.ufm_stand_in import StandIn, ufm_stand_in

pytestmark = pytest.mark.live

HOSTS = 16
STORAGE = range(14, 16)
OWN = 0x0100
OLD = policy({"t0/a": range(1, 5), "t1/b": range(5, 9)}, STORAGE)
NEW = policy({"t0/a": range(1, 4), "t1/b": range(4, 9)}, STORAGE)
PLACE = Inventory(
    fabrics={"ib0": Fabric("ib0", (f"host:{host_name(0)}",), ports([0]), ports(range(HOSTS)), software=TARGET)},
    enforcers={TARGET: ("ib0",)},
)


class Session:
    """One client of the stand-in, with the artefact of the last change as its ledger."""

    def __init__(self, client: httpx.Client, reader: TableReader) -> None:
        self.client, self.reader = client, reader
        self.last = ""
        self.policy = policy({}, STORAGE)

    def ufm(self) -> Ufm:
        """The enforcer, as it is made for each change."""
        owned = Before(self.last).held()[0].keys.values()
        return Ufm(PLACE.fabrics["ib0"], self.client, self.reader, tuple(owned), {}, deadline=10)

    def follow(self, wanted: Policy) -> list[str]:
        """The sweeps that were taken to this policy."""
        enforcer = self.ufm()
        before = Before(self.last, enforcer.listed(), enforcer.ports.seen().keys())
        (plan,), self.residuals = plan_fabrics(wanted, PLACE, TARGET, {"ib0": before.held()})
        self.last = text(plan, before.listed)
        taken = enforcer.follow(plan, handed_over(self.policy, wanted))
        self.policy = wanted
        return [step.what for step in taken]

    def holds(self) -> bool:
        """What is read back from every port, against the policy."""
        return prove_tables(self.policy, PLACE, {"ib0": self.ufm().ports.seen()}, self.residuals).holds


@pytest.fixture
def started(tmp_path: Path):
    """The stand-in with a partition of its own, between two ports that the policy lets speak."""
    own = {OWN: {port_guid(14): "full", port_guid(15): "full"}}
    with (
        fabric(tmp_path, HOSTS, "Default=0x7fff : ALL=limited, SELF=full;\n") as running,
        TableReader(running.environment, str(tmp_path)) as reader,
        ufm_stand_in(running, own) as (stand_in, url),
        httpx.Client(base_url=url, timeout=10) as client,
    ):
        yield stand_in, Session(client, reader)


def test_keys_follow_the_policy_through_ufm_and_its_own_stay(started: tuple[StandIn, Session]):
    """Start, hand-over in two sweeps, end; the stand-in's own partition is as it was."""
    stand_in, session = started
    assert session.follow(OLD) == ["open"]
    assert session.holds()
    assert session.follow(OLD) == []
    assert session.follow(NEW) == ["cut", "open"]
    assert session.holds()
    assert session.follow(policy({}, STORAGE)) == ["cut"]
    assert session.holds()
    assert stand_in.keys[OWN] == {port_guid(14): "full", port_guid(15): "full"}
    assert not any(f"0x{OWN:x}" in change for change in stand_in.changes)


def test_what_was_set_before_a_failure_is_listed_and_a_second_try_completes(started: tuple[StandIn, Session]):
    """The second request fails: one key is set, the error says so, and no port holds anything that is not meant."""
    stand_in, session = started
    stand_in.failing = 2
    with pytest.raises(EnforceError, match="refused PUT") as caught:
        session.follow(OLD)
    assert caught.value.left == ("PUT resources/pkeys",)
    assert session.follow(OLD) == ["open"]
    assert session.holds()


def test_undo_brings_back_what_was_read(started: tuple[StandIn, Session]):
    """Our keys as they were, set-equal, on every port."""
    _, session = started
    session.follow(OLD)
    before, seen = session.ufm().read(), session.ufm().ports.seen()
    session.follow(NEW)
    session.ufm().restore(before)
    assert session.ufm().ports.seen() == seen


def test_a_ufm_whose_default_partition_is_open_is_refused(started: tuple[StandIn, Session]):
    """No key fences anything there; the remedy names the setting."""
    stand_in, session = started
    stand_in.default = "full"
    stand_in.sweep()
    closed = {guid: {0x7FFF: "full"} for guid in map(port_guid, range(HOSTS))}
    session.ufm().ports.wait(
        {guid: held | ({OWN: "full"} if guid in stand_in.keys[OWN] else {}) for guid, held in closed.items()}
    )
    with pytest.raises(EnforceError, match="full member of the default partition") as caught:
        session.follow(OLD)
    assert "default_membership" in caught.value.remedy


def test_the_bodies_prove_what_they_say():
    """The artefact's proof holds, UFM's own partition included; a planted member is a leak."""
    compiled = compile_ufm(OLD, PLACE)
    assert prove_ib(OLD, PLACE, compiled.artefacts, compiled.residuals).holds
    (artefact,) = compiled.artefacts
    spoiled = artefact.text.replace(f"{port_guid(1):016x}", f"{port_guid(9):016x}")
    wrong = [type(artefact)(artefact.name, spoiled, artefact.loaded_by)]
    assert {gap.kind for gap in prove_ib(OLD, PLACE, wrong, compiled.residuals).differences} == {"leak", "break"}
