"""From the files of a fabric to facts."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.collect import infiniband
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.captures import read_tree
from ringfence.errors import Problem
from ringfence.estate.facts import Fact
from tests.shared_data import shared

FIXTURES = Path(__file__).parents[1] / "fixtures" / "infiniband"
MOVES = Path(__file__).parents[1] / "moves"
FABRIC = "network:ib/ib0"


def collected(files: dict[str, bytes]) -> tuple[list[Fact], list[Problem]]:
    captured = [CapturedFile(path, data, 1.0) for path, data in files.items()]
    assert all(infiniband.recognise(file.path, file.head) for file in captured)
    found = list(infiniband.collect(infiniband.FORM, captured, Scope(salt=b"test")))
    return [one for one in found if isinstance(one, Fact)], [one for one in found if isinstance(one, Problem)]


def sample(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def triples(facts: list[Fact], predicate: str) -> set[tuple[str, str]]:
    return {(fact.subject, fact.object) for fact in facts if fact.predicate == predicate}


def test_ports_of_the_real_fabric_join_their_hosts():
    """`a08-p1-dgx-04-c01 mlx5_5` is a port of that host; adapters that name no host stay without one, and are told."""
    facts, problems = collected({"fabric/ib.out": shared("infiniband/example.out").read_bytes()})
    assert ("host:a08-p1-dgx-04-c01", "ibport:0xe09d7303007a4bd8") in triples(facts, "has_port")
    hosts = {owner for owner, _ in triples(facts, "has_port") if owner.startswith("host:")}
    assert not {host for host in hosts if "mt4129" in host or "localhost" in host}
    assert [problem.what[:11] for problem in problems] == ["72 adapters"]
    cables = [fact for fact in facts if fact.predicate == "cabled_to"]
    assert len(cables) == len({frozenset((fact.subject, fact.object)) for fact in cables}) == 1114


def test_the_real_h100_tree_is_one_host_with_nine_ports():
    """Eight InfiniBand ports and an Ethernet bond, each with its firmware."""
    tree = shared("infiniband/sys-class-infiniband-h100.0")
    files = [file for file in read_tree(tree.parent) if isinstance(file, CapturedFile) and "h100" in file.path]
    facts, problems = collected({file.path: file.data for file in files})
    assert {owner for owner, _ in triples(facts, "has_port")} == {"host:h100"}
    assert len(triples(facts, "has_port")) == len(triples(facts, "runs_firmware")) == 9
    assert len(triples(facts, "on_fabric")) == 8
    assert problems == []


def fabric(**other: bytes) -> dict[str, bytes]:
    names = ("ibnetdiscover.txt", "saquery-smir.txt", *other)
    return {f"fabric/{name}": other.get(name, b"") or sample(name) for name in names}


def test_tables_read_back_go_before_the_file():
    """A port whose table was read holds what it holds; the others what opensm makes of the file; the rest is told."""
    files = fabric() | {f"fabric/{name}": sample(name) for name in ("saquery-pktr.txt", "partitions.conf")}
    facts, problems = collected(files)
    held = {(f.subject[-6:], f.object[-6:]): f.attributes["membership"] for f in facts if f.predicate == "in_pkey"}
    assert held["002001", "0x7fff"] == "limited"
    assert held["002001", "0x0001"] == "full"
    assert held["002001", "0x0002"] == "limited"
    assert held["003001", "0x0001"] == "limited"
    assert held["001001", "0x7fff"] == "full"
    assert [problem.what[:25] for problem in problems] == ["the tables of 1 ports dif"]
    assert (FABRIC, "host:sm01") in triples(facts, "sm_on")


def test_a_file_that_fails_open_makes_everyone_a_full_member():
    """What opensm would do is what the estate says, and the fault is named with its line."""
    facts, problems = collected(fabric() | {"fabric/partitions.conf": b"a=0x8001:0x2001;\nb=0x8002:oops;\n"})
    assert {str(f.attributes["membership"]) for f in facts if f.predicate == "in_pkey"} == {"full"}
    assert (FABRIC, "partitions_conf=fails-open") in triples(facts, "setting")
    assert [(problem.file, problem.line) for problem in problems] == [("fabric/partitions.conf", 2)]


def test_an_answer_to_the_default_key_is_a_finding():
    """`saquery --smkey 1 PKTR` answers only where the key is the published one."""
    facts, _ = collected(fabric() | {"fabric/saquery-smkey-1-pkeys.txt": sample("saquery-pktr.txt")})
    assert (FABRIC, "sm_key=default") in triples(facts, "setting")


def test_what_was_not_captured_is_a_hole():
    """No opensm.conf: nobody knows the keys, and coverage says so."""
    facts, _ = collected(fabric())
    holes = {f.object for f in facts if f.predicate == "asked" and f.attributes["answered"] is False}
    assert holes == {"pkeys", "opensm-conf"}


def test_a_cable_that_is_not_where_it_was_planned_is_told():
    """The neighbour that LLDP reports differs from the plan; a cable that nobody reports is not accused."""
    host = "hosts/gpu0001/"
    plan = sample("topology.dot").replace(b'"swp5"', b'"swp7"')
    facts, _ = collected({host + "lldp.json": sample("lldp.json"), "fabric/topology.dot": plan})
    assert triples(facts, "tampered") == {("host:gpu0001", "cable-moved")}
    facts, _ = collected({host + "lldp.json": sample("lldp.json"), "fabric/topology.dot": sample("topology.dot")})
    assert triples(facts, "tampered") == set()
    compared = {f.subject for f in facts if f.predicate == "asked" and f.object == "cable-plan"}
    assert compared == {"host:gpu0001"}


def test_a_roce_port_lies_in_the_vlan_of_its_switch_port():
    """LLDP leads from the device to the switch port, the configuration to the VLAN and its filter."""
    files = {f"hosts/gpu0001/{name}": sample(name) for name in ("sysfs-infiniband.txt", "rdma-link.json", "lldp.json")}
    facts, _ = collected(files | {"switches/roce-leaf01/nvue.json": sample("nvue.json")})
    (lies,) = [f for f in facts if f.predicate == "on_fabric" and f.subject.startswith("ibport:")]
    assert (lies.object, lies.attributes["filtered"]) == ("network:vlan/ib0/100", True)


def test_peers_are_told_only_where_both_ends_say_so():
    """One host's queue pair alone leads to an unknown peer, and coverage is not complete."""
    folder = MOVES / "rdma_read_remote" / "fires"
    files = {f.path: f.data for f in read_tree(folder) if isinstance(f, CapturedFile) and "facts" not in f.path}
    facts, _ = collected(files)
    assert ("host:gpu0001", "ibport:0x0000000000003001") in triples(facts, "rdma_peer")
    facts, _ = collected({path: data for path, data in files.items() if "gpu0002/rdma" not in path})
    assert triples(facts, "rdma_peer") == set()
    asked = [f for f in facts if f.predicate == "asked" and f.subject == "host:gpu0001"]
    assert "complete" not in asked[0].attributes


NAMES = sorted(path.name for path in FIXTURES.iterdir() if path.suffix != ".md")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 4000), st.binary(max_size=12)), min_size=1, max_size=4)
)
def test_damaged_files_never_stop_the_collector(damage):
    """Whatever the bytes, the answer is facts and problems."""
    files = []
    for name, at, piece in damage:
        data = sample(name)
        at = min(at, len(data))
        files.append(CapturedFile(f"hosts/gpu1/{name}", data[:at] + piece + data[at + len(piece) :], 1.0))
    known = [file for file in files if infiniband.recognise(file.path, file.head)]
    for found in infiniband.collect(infiniband.FORM, known, Scope(salt=b"test")):
        assert isinstance(found, Fact | Problem)


@pytest.mark.parametrize("name", NAMES)
def test_every_format_is_recognised_by_its_content(name):
    """The folder and the file's name are not needed, but for a partitions.conf without anything in it."""
    assert infiniband.recognise("x/y.txt", sample(name)[:8192]) == infiniband.FORM
