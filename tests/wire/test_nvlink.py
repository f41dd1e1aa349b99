"""Link tables, partitions, topologies and IMEX files are read as they are meant."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire.nvlink import imex, partitions, tables, topology
from tests.shared_data import shared

FIXTURES = Path(__file__).parents[1] / "fixtures" / "nvlink"
SEEDS = [path.read_bytes() for path in sorted(FIXTURES.iterdir()) if path.suffix != ".md"]
READERS = (
    *(tables.links, tables.matrix, imex.nodes, imex.settings, imex.channels, topology.graph, topology.nccl),
    *(partitions.fabric_manager, partitions.nmx_gpus, partitions.nmx_partitions, partitions.compute_nodes),
)


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def test_a_real_a100_has_twelve_links_on_each_gpu():
    """`nvidia-smi nvlink -s` of an SXM4 node."""
    found = tables.links(shared("nvlink/gpud/nvidia-smi.nvlink.status.a100").read_bytes())
    assert {one.up for one in found} == {12}
    assert [one.index for one in found] == list(range(len(found)))


def test_a_node_without_nvlink_prints_nothing():
    """A real A10 node: an empty file is an answer."""
    assert tables.links(shared("nvlink/gpud/nvidia-smi.nvlink.status.a10").read_bytes()) == ()


def test_inactive_links_do_not_count():
    """A bridge that is not plugged in joins nothing."""
    (one,) = tables.links(b"GPU 0: NVIDIA A40 (UUID: GPU-00000001-1111)\n\t Link 0: <inactive>\n\t Link 1: 14 GB/s\n")
    assert one.up == 1


def test_nvswitch_joins_all_eight():
    """NV18 everywhere, header underlined by escape codes, adapters among the columns."""
    found = tables.matrix(fixture("topo-m-h100.txt"))
    assert found.joined() == (tuple(range(8)),)
    assert found.names[-1] == "NIC0"


def test_bridges_join_pairs():
    """Two groups stay two groups."""
    assert tables.matrix(fixture("topo-m-pairs.txt")).joined() == ((0, 1), (2, 3))


def test_a_matrix_row_cut_short_is_refused_with_its_line():
    """A cell that is missing must not read as 'not joined'."""
    data = fixture("topo-m-pairs.txt").replace(b"GPU2\tSYS\tSYS\t X \tNV12\t32-63\t1\n", b"GPU2\tSYS\n")
    with pytest.raises(InputError) as caught:
        tables.matrix(data)
    assert caught.value.line == 4


def test_fabric_manager_partitions_say_which_are_active():
    """fmpm -l."""
    found = partitions.fabric_manager(fixture("fmpm.json"))
    assert [(one.number, one.active, len(one.gpus)) for one in found] == [(1, True, 4), (2, False, 4), (7, True, 1)]


def test_netq_trays_carry_domain_gpus_and_place():
    """The real computeNodes.json."""
    found = partitions.compute_nodes(shared("nvlink/netq/computeNodes.json").read_bytes())
    assert [node.Name for node in found] == ["node1", "node2"]
    assert {node.DomainUUID for node in found} == {"3fbfc98b-7f95-4749-ab11-bd351a2aab3e"}
    assert [len(node.GpuIDList) for node in found] == [4, 4]
    assert (found[1].LocationInfo.slot_id, found[1].LocationInfo.chassis_serial_number) == (22, "1825024170029")


def test_netq_graph_is_cables_between_named_devices():
    """The real topologyGraph.json: every link has both ends."""
    found = topology.graph(shared("nvlink/netq/topologyGraph.json").read_bytes())
    assert len(found) == 79
    assert {"dgx-05", "net-unit-l2"} <= {name for link in found for name in (link.name, link.peer)}


def test_nmx_members_come_by_id_or_by_place():
    """Both forms of the OpenAPI."""
    by_id, by_place = partitions.nmx_partitions(fixture("nmx-partitions.json"))
    assert len(by_id.Members or ()) == 4
    assert by_place.Type == "LOCATION_BASED"
    assert {gpu.PartitionID for gpu in partitions.nmx_gpus(fixture("nmx-gpus.json"))} == {11, 12}


def test_real_cloud_topologies_have_eight_gpus():
    """NCCL files of ND A100 and ND H100."""
    for name, adapters in (("ndv4", 8), ("ndv5", 8), ("ndv2", 1)):
        found = topology.nccl(shared(f"nccl-topology/{name}-topo.xml").read_bytes())
        assert (len(found.gpus), len(found.adapters)) == (8, adapters)


def test_a_channel_graph_of_nccl_is_refused_by_name():
    """It says which channels NCCL chose, not what there is."""
    with pytest.raises(InputError, match="not NCCL's topology"):
        topology.nccl(shared("nccl-topology/ncv4-graph.xml").read_bytes())


def test_imex_nodes_keep_their_order():
    """The position in the file is the node's number."""
    assert imex.nodes(fixture("nodes_config.cfg")) == ("10.1.0.1", "10.1.0.2", "gpu0003.cluster.example")


def test_a_line_that_is_no_node_is_refused():
    """Nothing of an attacker's line becomes a host."""
    with pytest.raises(InputError) as caught:
        imex.nodes(b"10.0.0.1\n$(reboot)\n")
    assert caught.value.line == 2


def test_imex_authentication_is_off_by_default():
    """As the packaged file has it."""
    assert imex.settings(fixture("imex-config.cfg"))["IMEX_ENABLE_AUTH_ENCRYPTION"] == "0"


def test_channels_say_who_may_open_them():
    """Mode bits of others decide."""
    assert imex.channels(fixture("imex-channels.txt")) == (imex.Channel(0, True), imex.Channel(7, False))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_only_input_errors_escape_the_readers(data):
    """Arbitrary bytes and damaged files: a value or an InputError."""
    seed = data.draw(st.sampled_from(SEEDS))
    cut, at = data.draw(st.integers(0, len(seed))), data.draw(st.integers(0, len(seed)))
    noise = data.draw(st.binary(max_size=24))
    for mutant in (seed[:cut], seed[:at] + noise + seed[at:], noise, seed[:at] + noise + seed[cut:]):
        for reader in READERS:
            with suppress(InputError):
                reader(mutant)
