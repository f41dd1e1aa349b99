"""The readers of the fabric: what they read of real and written samples, and that nothing else escapes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire.ibnet import discover, lldp, nos, opensm, partitions, rdma, saquery, sysfs, wiring
from ringfence.wire.ibnet.partitions import Port
from tests.shared_data import shared

FIXTURES = Path(__file__).parents[1] / "fixtures" / "infiniband"


def sample(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def test_the_real_fabric_is_read_whole():
    """40 switches and 582 adapters, 2,228 ends of cables, and no line left over."""
    topology = discover.read(shared("infiniband/example.out").read_bytes())
    kinds = [node.kind for node in topology.nodes]
    assert (kinds.count("switch"), kinds.count("adapter")) == (40, 582)
    assert sum(len(node.links) for node in topology.nodes) == 2228
    assert topology.problems == ()


def test_an_adapter_without_a_port_line_is_a_problem_with_its_line():
    """The damaged real sample names one adapter and no cable."""
    topology = discover.read(shared("infiniband/example-bad.out").read_bytes())
    assert [(problem.line, problem.what[:26]) for problem in topology.problems] == [(10, "no port of this adapter is")]


@pytest.mark.parametrize("cut", [3, 40, 61])
def test_a_real_fabric_that_is_cut_short_says_where(cut):
    """Half an output never passes for a whole one."""
    data = shared("infiniband/example.out").read_bytes()
    topology = discover.read(data[: len(data) * cut // 64])
    assert topology.problems


def test_both_ways_to_write_a_guid_mean_the_same():
    """`(0x1001)` and `(1001)` are one port."""
    data = sample("ibnetdiscover.txt")
    assert discover.read(data.replace(b"](1001)", b"](0x1001)")).nodes == discover.read(data).nodes


def test_a_line_that_is_nobodys_is_named():
    """A foreign line becomes a problem and the rest is read."""
    topology = discover.read(sample("ibnetdiscover.txt") + b"\nhello\n[1] broken\n")
    assert [problem.what.partition(":")[0] for problem in topology.problems] == [
        "not a line of ibnetdiscover",
        "a port line that does not parse",
    ]


def test_blocks_of_one_table_are_put_together():
    """Two records of one port are one table; empty entries are left out."""
    (table,) = saquery.tables(saquery.records(sample("saquery-pktr.txt")))
    assert (table.lid, table.port, table.keys) == (4, 1, (0x7FFF, 0x8001, 0x0002))


def test_managers_and_port_tables_are_read():
    """SMIR names the master; smpquery gives one port's keys."""
    (manager,) = saquery.managers(saquery.records(sample("saquery-smir.txt")))
    assert (manager.guid, manager.priority, manager.state) == (0x1001, 14, "master")
    (table,) = saquery.smp_tables(sample("smpquery-pkeys.txt"))
    assert (table.lid, table.port, table.keys) == (5, 1, (0x7FFF, 0x8001))


def test_a_table_that_is_cut_short_is_refused():
    """Without its last line nobody knows whether a key is missing."""
    with pytest.raises(InputError, match="cut short"):
        saquery.smp_tables(sample("smpquery-pkeys.txt").rpartition(b"16 pkeys")[0])


PORTS = [Port(0x1001, "adapter"), Port(0x2001, "adapter"), Port(0x3001, "adapter"), Port(0x101, "switch")]


def test_partitions_conf_becomes_tables():
    """The manager full, workers limited in the default key, the job's members as written."""
    made = partitions.tables(partitions.read(sample("partitions.conf")), PORTS, 0x1001)
    assert made[0x1001] == {0x7FFF: "full"}
    assert made[0x2001] == {0x7FFF: "limited", 1: "full"}
    assert made[0x3001] == {0x7FFF: "limited", 1: "limited"}
    assert made[0x101] == {0x7FFF: "full"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 0),
        ("# only this\n", 0),
        ("a=0x8001:ALL;\nb=0x8002:0xnothex;\n", 2),
        ("a=0x8001\n:ALL;\n", 1),
        ("a=0x8001:  " + "0x2001," * 700 + "0x2001;", 1),  # the buffer ends after `0x`
        ("a=0x8001:0x2001;\r\n", 1),
        ("a=0x8001:0x2001; ;\n", 1),
        ("a=0x8001:0x2001\n ;\n", 2),
        ("a=0x8001:\n;\n", 2),
        ("a=0x8001:all;", 1),
    ],
)
def test_what_opensm_gives_up_on_fails_open(text, line):
    """Then every port is a full member of the default key, and the line is named."""
    conf = partitions.read(text.encode())
    assert conf.fails_open
    assert conf.line == line
    assert set(map(str, partitions.tables(conf, PORTS, 0x1001).values())) == {"{32767: 'full'}"}


def test_of_two_memberships_the_last_wins():
    """Also across stanzas of one 15-bit key, as opensm was seen to do."""
    conf = partitions.read(b"a=0x8001:0x2001=full;b=0x0001:ALL=limited;")
    assert partitions.tables(conf, PORTS, 0x1001)[0x2001][1] == "limited"


def test_options_compare_keys_with_their_defaults():
    """The published SM_Key and an M_Key of zero are told; a masked key is a key that was set."""
    options = opensm.read(sample("opensm.conf"))
    assert (options.sm_key_default, options.m_key_set, options.guids) == (True, False, (0x1001,))
    masked = opensm.read(b"sm_key hidden\nm_key hidden\nsm_priority 14\nallowed_sm_guids 0x1001,0x2001\n")
    assert (masked.sm_key_default, masked.sa_key_default, masked.m_key_set) == (False, False, True)
    assert masked.allowed_sm_guids == (0x1001, 0x2001)


def test_a_tree_of_tiny_files_becomes_ports():
    """The listing gives the port GUID from its first GID, its keys and its firmware."""
    (port,) = sysfs.gather(sysfs.listing(sample("sysfs-infiniband.txt")))
    assert (port.device, port.port, port.link_layer, port.firmware) == ("mlx5_0", 1, "Ethernet", "28.41.1000")
    (other,) = sysfs.gather(sysfs.listing(sample("sysfs-infiniband.txt").replace(b"Ethernet", b"InfiniBand")))
    assert (other.guid, other.keys) == (0x2001, (0xFFFF,))


def test_what_rdma_and_ip_say():
    """Links, connected pairs, listeners and IPoIB interfaces."""
    assert rdma.links(sample("rdma-link.json"))[0].netdev == "eth2"
    assert (rdma.pairs(sample("rdma-qp.json"))[0].local, rdma.pairs(sample("rdma-qp.json"))[0].remote) == (711, 934)
    assert rdma.listeners(sample("rdma-cm_id.json"))[0].number == 4420
    (interface,) = rdma.interfaces(sample("ipoib.json"))
    assert (interface.key, interface.addresses) == (0x8002, ("10.5.0.1/24",))


def test_neighbours_and_the_plan_of_cables():
    """LLDP names the switch port that the plan expects."""
    (neighbour,) = lldp.read(sample("lldp.json"))
    assert (neighbour.interface, neighbour.name, neighbour.port) == ("eth2", "roce-leaf01", "swp5")
    assert wiring.read(sample("topology.dot"))[0].one == ("roce-leaf01", "swp5")
    assert wiring.read(b"switch,port,host,port\nleaf1,swp1,gpu1,eth0\n")[0].other == ("gpu1", "eth0")


def test_three_kinds_of_switch():
    """VLANs, filters, and the ways in without a secret."""
    nvue = nos.nvue(sample("nvue.json"))
    assert (nvue.name, nvue.weak) == ("roce-leaf01", ("snmp-write",))
    assert [port for port in nvue.ports if port.name == "swp5"] == [nos.SwitchPort("swp5", (100,), True)]
    sonic = nos.sonic(sample("config_db.json"))
    assert [(port.name, port.vlans, port.filtered) for port in sonic.ports] == [
        ("Ethernet0", (100,), False),
        ("Ethernet4", (100,), True),
    ]
    assert sonic.weak == ("snmp-write",)
    mlnx = nos.mlnx(sample("mlnx-os.txt"))
    assert (mlnx.name, mlnx.version, mlnx.weak) == ("ib-gw01", "3.11.2002", ("no-password", "snmp-write"))
    assert [(port.name, port.vlans, port.filtered) for port in mlnx.ports] == [
        ("1/1", (100,), False),
        ("1/2", (200,), True),
    ]


READERS = {
    "ibnetdiscover.txt": discover.read,
    "saquery-pktr.txt": lambda data: tuple(saquery.tables(saquery.records(data))),
    "saquery-smir.txt": lambda data: tuple(saquery.managers(saquery.records(data))),
    "smpquery-pkeys.txt": saquery.smp_tables,
    "partitions.conf": partitions.read,
    "opensm.conf": opensm.read,
    "sysfs-infiniband.txt": lambda data: sysfs.gather(sysfs.listing(data)),
    "rdma-link.json": rdma.links,
    "rdma-qp.json": rdma.pairs,
    "rdma-cm_id.json": rdma.listeners,
    "ipoib.json": rdma.interfaces,
    "lldp.json": lldp.read,
    "nvue.json": nos.nvue,
    "config_db.json": nos.sonic,
    "mlnx-os.txt": nos.mlnx,
    "topology.dot": wiring.read,
}


@pytest.mark.parametrize("name", sorted(READERS))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_only_an_input_error_ever_escapes(name, data):
    """Mutated samples and arbitrary bytes parse or are refused."""
    start = sample(name)
    at = data.draw(st.integers(0, len(start)))
    until = data.draw(st.integers(at, min(len(start), at + 80)))
    piece = data.draw(
        st.one_of(st.binary(max_size=30), st.sampled_from([b"-1", b"9" * 40, b"[[", b'{"', b"\x00", b"=,:;"]))
    )
    for text in (start[:at] + piece + start[until:], piece, start[:at]):
        try:
            READERS[name](text)
        except InputError:
            continue
