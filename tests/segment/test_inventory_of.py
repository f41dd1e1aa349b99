"""The inventory of an estate, and that captures lead to the same fence as the facts that they were made from."""

from functools import cache

import pytest

from ringfence.app.survey import survey_tree
from ringfence.collect.base import Scope
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.inventory import Inventory
from ringfence.segment.inventory_of import inventory_of
from ringfence.segment.policy import derive_policy
from ringfence.synth import Cluster, draw, facts
from ringfence.synth.captures import write


@cache
def plan() -> Cluster:
    return draw(40, 1)


@cache
def estate() -> Estate:
    return estate_of(facts(plan()))


@cache
def inventory() -> Inventory:
    return inventory_of(estate())


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    folder = tmp_path_factory.mktemp("captures")
    write(plan(), folder, per_class=None)
    return survey_tree(folder, Scope(plan().name)).estate


def test_captures_give_the_policy_of_the_facts(captured: Estate) -> None:
    one, other = derive_policy(captured), derive_policy(estate())
    rules = [{(allow.source, allow.target, allow.plane, allow.what) for allow in each.allows} for each in (one, other)]
    assert rules[0] >= rules[1]
    assert {plane for _, _, plane, _ in rules[0] - rules[1]} <= {"pod"}  # captures name the platform's own pods
    for name, group in other.groups.items():
        assert one.groups[name].members == group.members, name


def test_captures_give_the_inventory_of_the_facts_and_the_cables(captured: Estate) -> None:
    one = inventory_of(captured)
    for field in ("addresses", "cgroups", "domains", "enforcers", "there"):
        assert getattr(one, field).items() >= getattr(inventory(), field).items(), field
    assert one.fabrics["alpha"].ports == inventory().fabrics["alpha"].ports
    assert set(one.fabrics["alpha"].leaf_of) == set(one.fabrics["alpha"].ports)
    assert all(leaf.startswith("switch:") for leaf in one.fabrics["alpha"].leaf_of.values())


def test_every_endpoint_on_ip_has_an_address_or_is_a_network() -> None:
    ends = {end for group in derive_policy(estate()).groups.values() for end in group.on("ip")}
    assert not {end for end in ends if end not in inventory().addresses}


def test_subnet_managers_standby_included_are_named_with_their_ports() -> None:
    fabric = inventory().fabrics["alpha"]
    assert fabric.managers == ("host:sm01", "host:sm02")
    assert [inventory().host_of[port] for port in fabric.manager_ports] == ["host:sm01", "host:sm02"]


def test_what_obeys_ringfence_can_be_enforced_by_what_it_runs() -> None:
    where = inventory().enforcers
    assert "host:kube01" in where["nftables"]
    assert not [
        host
        for host in where["nftables"]
        if host in {f"host:{one.name}" for one in plan().hosts if one.partition == "kube"}
    ]
    assert where["opensm"] == ("host:sm01", "host:sm02")
    assert where["slurm"] == ("cluster:alpha",)
    assert set(where["exports"]) == {f"host:{one.server}" for one in plan().storages}


def test_a_job_has_the_control_group_that_slurmstepd_makes() -> None:
    job = plan().jobs[0]
    place = f"job:slurm/alpha/{job.number}@host:{job.hosts[0]}"
    assert inventory().cgroups[place] == f"system.slice/slurmstepd.scope/job_{job.number}"


def test_standing_exports_and_partitions_read_as_they_were_captured() -> None:
    exports = inventory().there["exports"]["host:nfs-proj01"]
    assert "/export/proj/t01 10.128.0.0/16(rw" in exports
    assert "sec=" in exports
    assert "PartitionName=t01\n" in inventory().there["slurm"]["cluster:alpha"]


def test_an_address_that_is_none_and_an_export_with_blanks_do_no_harm() -> None:
    rows = [
        Fact("host:a", "attached_to", "network:10.0.0.0/8", {"address": "10.0.0.1; drop"}),
        Fact("host:a", "attached_to", "network:10.0.0.0/8", {"address": "10.0.0.7"}),
        Fact("storage:nfs1:/ex port", "exported_by", "host:nfs1"),
        Fact("storage:nfs1:/ex port", "exported_to", "network:10.0.0.0/8", {"client": "10.0.0.0/8", "mode": "ro"}),
        Fact("storage:nfs1:/ex port", "exported_to", "host:b", {"client": "b(rw) *", "mode": "ro"}),
    ]
    found = inventory_of(estate_of(rows))
    assert found.addresses["host:a"] == ("10.0.0.7",)
    assert found.there["exports"]["host:nfs1"] == "/ex\\040port 10.0.0.0/8(ro)\n"


def test_a_switch_gives_the_leaf_of_a_port_and_is_no_end_itself() -> None:
    rows = [
        Fact("host:a", "has_port", "ibport:0x0000000000000001"),
        Fact("switch:s", "has_port", "ibport:s/7", {"number": 7}),
        Fact("ibport:0x0000000000000001", "on_fabric", "network:ib/f"),
        Fact("ibport:0x0000000000000001", "cabled_to", "ibport:s/7"),
        Fact("network:ib/f", "sm_on", "switch:s"),
    ]
    fabric = inventory_of(estate_of(rows)).fabrics["f"]
    assert (fabric.ports, fabric.leaf_of, fabric.managers) == (
        ("ibport:0x0000000000000001",),
        {"ibport:0x0000000000000001": "switch:s/7"},
        ("switch:s",),
    )
