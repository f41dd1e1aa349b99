"""Behind a proven fence the reach engine finds what the policy lets through, and what its residuals leave open."""

from collections.abc import Iterable

import pytest

from ringfence.analyse.reach import reach_from
from ringfence.app.fence.design import Design
from ringfence.app.questions import Questions
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Allow, Difference, Group, Policy, Proof, Residual
from ringfence.segment.prove.joined import fenced
from ringfence.synth import draw, facts

NET = "network:10.0.0.0/16"


def _host(name: str, port: int = 22) -> list[Fact]:
    host, service = f"host:{name}", f"service:{name}/ssh:{port}"
    return [
        Fact(host, "attached_to", NET, {"address": "10.0.0.1"}),
        Fact(service, "runs_on", host),
        Fact(service, "service_kind", "ssh"),
        Fact(service, "listens_on", NET, {"port": port}),
    ]


def _reached(estate: Estate, start: str) -> set[str]:
    asked = Questions(estate)
    reached = reach_from(asked.graph, asked.footholds([start]))
    return {asked.text(at) for at in reached.order.tolist()}


def _policy(plane: str, *rules: tuple[str, str, str], **members: Iterable[str]) -> Policy:
    groups = {name: Group(name, "gang", name, {plane: tuple(ends)}) for name, ends in members.items()}
    return Policy(groups, tuple(Allow(source, to, plane, what, "") for source, to, what in rules))


def _behind(estate: Estate, policy: Policy, inventory: Inventory, *proofs: Proof) -> Estate:
    return fenced(estate, policy, inventory, proofs, {proof.target for proof in proofs})[0]


HOSTS = ("host:a1", "host:a2", "host:b1")
HOSTS_ESTATE = estate_of([fact for host in HOSTS for fact in _host(host.partition(":")[2])])
FILTERS = Inventory(enforcers={"nftables": HOSTS})


def test_a_filtered_host_connects_to_its_own_group_only() -> None:
    policy = _policy("ip", ("a", "a", "any"), a=HOSTS[:2], b=HOSTS[2:])
    assert "service:b1/ssh:22#connect" in _reached(HOSTS_ESTATE, "host:a1#user")
    behind = _behind(HOSTS_ESTATE, policy, FILTERS, Proof("ip", "nftables", 2, ()))
    assert "service:a2/ssh:22#connect" in _reached(behind, "host:a1#user")
    assert "service:b1/ssh:22#connect" not in _reached(behind, "host:a1#user")


def test_a_rule_opens_its_ports_and_no_others() -> None:
    for what, passes in (("tcp/22", True), ("tcp/20-30", True), ("tcp/23", False), ("icmp", False)):
        policy = _policy("ip", ("a", "b", what), a=HOSTS[:2], b=HOSTS[2:])
        behind = _behind(HOSTS_ESTATE, policy, FILTERS, Proof("ip", "nftables", 2, ()))
        assert ("service:b1/ssh:22#connect" in _reached(behind, "host:a1#user")) == passes


def test_a_plane_without_a_proof_that_holds_counts_for_nothing() -> None:
    policy = _policy("ip", ("a", "a", "any"), a=HOSTS[:2], b=HOSTS[2:])
    leak = Difference("leak", "ip", "host:a1", "host:b1", "tcp/22", 1)
    behind, counted = fenced(HOSTS_ESTATE, policy, FILTERS, [Proof("ip", "nftables", 2, (leak,))], {"nftables"})
    assert counted == []
    assert "service:b1/ssh:22#connect" in _reached(behind, "host:a1#user")


def test_what_a_residual_leaves_open_is_reached() -> None:
    policy = _policy("ip", ("a", "a", "any"), a=HOSTS[:2], b=HOSTS[2:])
    told = Residual("ip", "nftables", "a", "host:b1", 2, "this host has no enforcer")
    behind = _behind(HOSTS_ESTATE, policy, FILTERS, Proof("ip", "nftables", 2, (), (told,), 2))
    assert "service:b1/ssh:22#connect" in _reached(behind, "host:a1#user")


def test_a_host_without_an_enforcer_keeps_its_networks() -> None:
    policy = _policy("ip", a=HOSTS[:2], b=HOSTS[2:])
    some = Inventory(enforcers={"nftables": HOSTS[:1]})
    behind = _behind(HOSTS_ESTATE, policy, some, Proof("ip", "nftables", 0, ()))
    assert "service:b1/ssh:22#connect" in _reached(behind, "host:a2#user")
    assert "service:a1/ssh:22#connect" not in _reached(behind, "host:a2#user")


def test_ports_of_two_gangs_share_no_key() -> None:
    ports = ("ibport:0x1", "ibport:0x2")
    key = "network:ib/f/0x7fff"
    estate = estate_of([Fact(port, "in_pkey", key, {"membership": "full"}) for port in ports])
    policy = _policy("ib", ("a", "a", "any"), ("b", "b", "any"), a=ports[:1], b=ports[1:])
    inventory = Inventory(fabrics={"f": Fabric("f", (), (), ports)})
    assert f"{key}#send" in _reached(estate, "ibport:0x1#send")
    reached = _reached(_behind(estate, policy, inventory, Proof("ib", "opensm", 2, ())), "ibport:0x1#send")
    assert {one for one in reached if "#send" in one} == {"ibport:0x1#send", "network:ib/f/fence/a>a#send"}


def test_a_client_mounts_the_folders_of_its_own_work() -> None:
    export = "storage:nfs:/proj"
    mine, other = "model:mine", "model:other"
    facts = [
        Fact(export, "exported_by", "host:nfs"),
        Fact("host:a1", "mounts", export, {"mode": "rw"}),
        Fact(mine, "stored_on", export, {"path": "/proj/a/w"}),
        Fact(other, "stored_on", export, {"path": "/proj/b/w"}),
        *(Fact(model, "readable_by", "identity:*") for model in (mine, other)),
    ]
    policy = _policy("storage", ("a", "folder", "rw"), a=("host:a1",), folder=(f"{export}/a",))
    inventory = Inventory(enforcers={"exports": ("host:nfs",)})
    estate = estate_of(facts)
    assert {f"{mine}#read", f"{other}#read"} <= _reached(estate, "host:a1#user")
    reached = _reached(_behind(estate, policy, inventory, Proof("storage", "exports", 1, ())), "host:a1#user")
    assert f"{mine}#read" in reached
    assert f"{other}#read" not in reached


def test_a_stolen_key_opens_nothing_away_from_its_owners_machine() -> None:
    facts = [
        Fact("credential:k", "unlocks", "identity:ann"),
        Fact("host:a1", "stores_credential", "credential:k", {"readable_by": "user"}),
        Fact("workstation:ann", "attached_to", "network:10.200.0.0/16", {"address": "10.200.0.7"}),
        Fact("identity:ann", "may_login", "host:a1"),
    ]
    policy = _policy("login", ("ann", "hosts", "any"), ann=("identity:ann@10.200.0.7",), hosts=("host:a1",))
    inventory = Inventory(enforcers={"sshd": ("host:a1",)})
    behind = _behind(estate_of(facts), policy, inventory, Proof("login", "sshd", 1, ()))
    assert "identity:ann#use" in _reached(estate_of(facts), "host:a1#user")
    assert "identity:ann#use" not in _reached(behind, "host:a1#user")
    asked = Questions(behind)
    both = reach_from(asked.graph, asked.footholds(["host:a1#user", "workstation:ann#user"]))
    assert "identity:ann#use" in {asked.text(at) for at in both.order.tolist()}


def test_a_channel_per_gang_ends_reading_a_neighbours_memory() -> None:
    facts = []
    for host, gpu in (("host:a1", "gpu:1"), ("host:b1", "gpu:2")):
        facts += [
            Fact(host, "has_gpu", gpu),
            Fact(gpu, "nvlink_member", "nvlink:d/1"),
            Fact(host, "uses_imex", "imex:d/1/0"),
            Fact(host, "device_open", "imex"),
        ]
    policy = _policy("imex", ("a", "a", "any"), ("b", "b", "any"), a=("host:a1",), b=("host:b1",))
    inventory = Inventory(enforcers={"imex": ("host:a1", "host:b1")})
    behind = _behind(estate_of(facts), policy, inventory, Proof("imex", "imex", 2, ()))
    assert "gpu:2#memory" in _reached(estate_of(facts), "host:a1#user")
    assert "gpu:2#memory" not in _reached(behind, "host:a1#user")


def test_a_queue_leads_to_no_host_on_which_its_tenants_may_not_start() -> None:
    facts = [
        Fact("identity:ann", "in_tenant", "tenant:a"),
        Fact("tenant:a", "may_submit", "partition:c/shared"),
        *(Fact(host, "in_partition", "partition:c/shared") for host in HOSTS),
    ]
    policy = _policy("scheduler", ("a", "hosts", "any"), a=("tenant:a",), hosts=HOSTS[:2])
    behind = _behind(estate_of(facts), policy, Inventory(), Proof("scheduler", "slurm", 2, ()))
    assert "host:b1#user" in _reached(estate_of(facts), "identity:ann#use")
    assert "host:b1#user" not in _reached(behind, "identity:ann#use")
    assert "host:a2#user" in _reached(behind, "identity:ann#use")


@pytest.mark.parametrize("seed", range(4))
def test_a_fence_opens_nothing_that_was_closed(seed: int) -> None:
    design = Design(estate_of(facts(draw(24, seed))))
    held = design.before.default_footholds()
    found = design.blast(held)
    assert design.holds
    assert set(found["behind"]["jewels"]) <= set(found["before"]["jewels"])
    assert set(found["behind"]["shells"]) <= set(found["before"]["shells"])


def test_a_filter_makes_no_way_where_no_network_leads() -> None:
    apart = [Fact("host:far", "attached_to", "network:10.9.0.0/16", {"address": "10.9.0.1"})]
    estate = estate_of([*HOSTS_ESTATE.facts(), *apart])
    policy = _policy("ip", ("far", "b", "any"), far=("host:far",), b=HOSTS[2:])
    filters = Inventory(enforcers={"nftables": (*HOSTS, "host:far")})
    behind = _behind(estate, policy, filters, Proof("ip", "nftables", 1, ()))
    assert "service:b1/ssh:22#connect" not in _reached(behind, "host:far#user")


@pytest.mark.parametrize("target", ["xfrm", "ufm"])
def test_a_target_that_wrote_nothing_closes_no_plane(target: str) -> None:
    design = Design(estate_of(facts(draw(24, 0))), targets=[target])
    assert not design.compiled[target].artefacts
    assert not design.holds
    assert design.unproven
    assert design.planes == []
    assert design.compiled[target].plane in design.open_planes
    held = design.before.default_footholds()
    assert design.blast(held)["behind"] == design.blast(held)["before"]


def test_encryption_keeps_nobody_out() -> None:
    policy = _policy("ip", ("a", "a", "any"), a=HOSTS[:2], b=HOSTS[2:])
    behind, counted = fenced(HOSTS_ESTATE, policy, FILTERS, [Proof("ip", "xfrm", 2, ())], {"xfrm"})
    assert counted == []
    assert "service:b1/ssh:22#connect" in _reached(behind, "host:a1#user")
