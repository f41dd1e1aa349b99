"""Files of accelerators become facts that agree on ids."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.collect import gpu, gpu_nvml
from ringfence.collect.base import HEAD, CapturedFile, Scope
from ringfence.errors import Problem
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import PREDICATES, kind_of
from ringfence.wire.smi import nvidia
from ringfence.wire.smi.nvml import Answer
from tests.shared_data import shared

FIXTURES = Path(__file__).parents[1] / "fixtures"
CLUSTER = "5c1a1f30-0e6b-4d2c-9c3e-7a9d1b2c3d4e"
GPU = "gpu:GPU-{:08x}-1111-2222-3333-444444444444"


def captured(**files: str) -> list[CapturedFile]:
    """Fixtures as files of host gpu0001, by the name they have there."""
    return [CapturedFile(f"hosts/gpu0001/{source}", (FIXTURES / source).read_bytes(), 7.0) for source in files.values()]


def told(files: Iterable[CapturedFile]) -> tuple[set[tuple[str, str, str]], list[Problem]]:
    found = list(gpu.collect("gpu", list(files), Scope(cluster="c")))
    facts = [one for one in found if isinstance(one, Fact)]
    for fact in facts:
        row = PREDICATES[fact.predicate]
        assert row.subject == ("any",) or kind_of(fact.subject) in row.subject, fact
        assert row.object in (("any",), ("value",)) or kind_of(fact.object) in row.object, fact
    return {(f.subject, f.predicate, f.object) for f in facts}, [one for one in found if isinstance(one, Problem)]


def test_every_fixture_and_every_real_file_is_recognised():
    """By content, whatever the folder is called."""
    for path in [*FIXTURES.glob("smi/*"), *FIXTURES.glob("nvlink/*")]:
        claimed = gpu.recognise(f"x/{path.name}", path.read_bytes()[:HEAD])
        assert (claimed == "gpu") == (path.suffix != ".md"), path
    for path in [
        *shared("nvidia-smi").glob("*.xml"),
        *shared("nvlink").glob("netq/*"),
        *shared("nccl-topology").glob("*.xml"),
    ]:
        assert gpu.recognise(path.name, path.read_bytes()[:HEAD]) == "gpu", path
    for name in ("nvidia-smi.nvlink.status.a100", "nvidia-smi.nvlink.status.a10", "fabricmanager.log"):
        assert gpu.recognise(name, shared(f"nvlink/gpud/{name}").read_bytes()[:HEAD]) == "gpu", name


def test_a_gpu_is_known_by_uuid_and_by_the_schedulers_index():
    """Slurm says host and index, the driver says UUID."""
    facts, problems = told(captured(a="smi/h100-hgx.xml"))
    assert not problems
    assert ("gpu:gpu0001/7", "same_as", GPU.format(8)) in facts
    assert ("host:gpu0001", "has_gpu", GPU.format(8)) in facts
    assert {
        (GPU.format(1), "setting", f"{name}") for name in ("ecc=on", "mig=off", "compute_mode=default", "cc_mode=off")
    } <= facts


def test_one_hosts_nvswitch_is_one_domain_whichever_file_says_so():
    """Fabric state, matrix and link table agree on nvlink:<host>."""
    for files in (captured(a="smi/h100-hgx.xml"), captured(a="smi/h100-hgx.xml", b="nvlink/topo-m-h100.txt")):
        facts, _ = told(files)
        assert {o for _, p, o in facts if p == "nvlink_member"} == {"nvlink:gpu0001"}
        assert len({s for s, p, _ in facts if p == "nvlink_member"}) == 8


def test_bridged_pairs_are_two_domains():
    """What no link joins is in no common domain."""
    facts, _ = told(captured(a="nvlink/topo-m-pairs.txt"))
    assert ("gpu:gpu0001/3", "nvlink_member", "nvlink:gpu0001/2") in facts
    assert ("gpu:gpu0001/1", "nvlink_member", "nvlink:gpu0001/0") in facts


def test_fabric_manager_partitions_part_the_matrix():
    """Active partitions of several GPUs are domains of their own; one GPU alone has no peers."""
    facts, _ = told(captured(a="nvlink/topo-m-h100.txt", b="nvlink/fmpm.json"))
    members = {(s, o) for s, p, o in facts if p == "nvlink_member"}
    assert members == {(GPU.format(n), "nvlink:gpu0001/partition-1") for n in (1, 2, 3, 4)}


def test_trays_of_one_rack_meet_in_one_domain_and_channel():
    """Cluster UUID and clique name the domain; channel devices hang on it."""
    files = captured(a="smi/gb200-tray.xml", b="nvlink/imex-channels.txt", c="nvlink/nodes_config.cfg")
    facts, problems = told(files)
    assert not problems
    assert {o for _, p, o in facts if p == "nvlink_member"} == {f"nvlink:{CLUSTER}/32766"}
    assert (f"imex:{CLUSTER}/32766/0", "imex_of", f"nvlink:{CLUSTER}/32766") in facts
    assert {("host:gpu0001", "uses_imex", f"imex:{CLUSTER}/32766/{n}") for n in (0, 7)} <= facts
    assert ("host:gpu0003", "uses_imex", f"imex:{CLUSTER}/32766/0") in facts
    assert ("host:gpu0001", "device_open", "imex") in facts


def test_hosts_with_the_same_imex_nodes_share_a_domain_even_without_nvidia_smi():
    """The list of nodes is the domain's name then."""
    data = (FIXTURES / "nvlink/nodes_config.cfg").read_bytes()
    facts, _ = told(CapturedFile(f"hosts/{name}/nodes_config.cfg", data) for name in ("a", "b"))
    assert len({o for s, p, o in facts if p == "uses_imex" and s in ("host:a", "host:b")}) == 1


def test_imex_without_authentication_is_said():
    """The default of the packaged file."""
    assert ("host:gpu0001", "setting", "imex_auth=none") in told(captured(a="nvlink/imex-config.cfg"))[0]


def test_mig_devices_are_parts_under_the_uuid_that_jobs_see():
    """`-L` gives the UUID, the XML the parts."""
    facts, _ = told(captured(a="smi/a100-mig.xml", b="smi/list.txt"))
    parts = {s for s, p, o in facts if p == "part_of" and o == GPU.format(1)}
    assert "gpu:MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f" in parts
    assert ("gpu:gpu0001/mig/1", "same_as", "gpu:MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb") in facts
    assert ("gpu:gpu0001/0", "same_as", GPU.format(1)) in facts
    assert (GPU.format(1), "setting", "mig_shared=on") in facts


def test_a_number_of_the_driver_is_the_gpu_and_never_a_slice_of_it():
    """`-L` alone: GPU 0 is in MIG mode, GPU 1 is not."""
    facts, _ = told(captured(a="smi/list.txt"))
    assert {(s, o) for s, p, o in facts if p == "same_as" and "/mig/" not in s} == {
        ("gpu:gpu0001/0", GPU.format(1)),
        ("gpu:gpu0001/1", GPU.format(2)),
    }


def test_files_of_one_name_in_two_folders_are_two_machines():
    """A name that only says the tool gives way to the folder's; a host's own name does not."""
    one, other = (
        (FIXTURES / "smi/list.txt").read_bytes(),
        b"GPU 0: L4 (UUID: GPU-0000000a-1111-2222-3333-444444444444)\n",
    )
    facts, problems = told([CapturedFile("nodeA/nvidia-smi.txt", one), CapturedFile("nodeB/nvidia-smi.txt", other)])
    assert not problems
    assert {s for s, p, o in facts if p == "has_gpu"} == {"host:nodea", "host:nodeb"}
    assert Scope().host_of("nvidia-smi/a10g.xml") == "host:a10g"


def test_two_files_that_name_different_gpus_of_one_host_are_a_problem():
    """Nothing of the second is believed, and both are named."""
    one, other = (
        (FIXTURES / "smi/list.txt").read_bytes(),
        b"GPU 0: L4 (UUID: GPU-0000000a-1111-2222-3333-444444444444)\n",
    )
    facts, (problem,) = told([CapturedFile("a/gpu7.txt", one), CapturedFile("b/gpu7.txt", other)])
    assert problem.file == "b/gpu7.txt"
    assert "a/gpu7.txt" in problem.what
    assert "below hosts/NAME/" in problem.remedy
    assert "gpu:GPU-0000000a-1111-2222-3333-444444444444" not in {o for _, _, o in facts}


def test_an_mps_server_is_seen_by_its_processes():
    """The server and clients of type M+C."""
    facts, _ = told(captured(a="smi/p100-mps.xml"))
    assert {
        (GPU.format(1), "setting", one) for one in ("mps=on", "architecture=Pascal", "compute_mode=exclusive_process")
    } <= facts


def test_confidential_computing_is_seen_in_the_xml_and_by_its_own_command():
    """Protected memory, or CC status."""
    assert (GPU.format(1), "setting", "cc_mode=on") in told(captured(a="smi/h100-confidential.xml"))[0]
    assert (GPU.format(8), "setting", "cc_mode=on") in told(captured(a="smi/h100-hgx.xml", b="smi/conf-compute.txt"))[0]


def test_driver_parameters_become_settings_of_the_host():
    """Profiling, device mode, and channel 0 where there is a domain for it."""
    facts, _ = told(captured(a="smi/gb200-tray.xml", b="smi/nvidia-params"))
    assert {("host:gpu0001", "setting", one) for one in ("profiling=admin", "nvidia_device_mode=0666")} <= facts
    assert ("host:gpu0001", "uses_imex", f"imex:{CLUSTER}/32766/0") in facts


def test_nmx_partitions_are_domains_that_tell_tenants_apart():
    """PartitionID is the clique: both sources name one domain."""
    facts, _ = told(
        captured(a="nvlink/nmx-gpus.json", b="nvlink/nmx-partitions.json", c="nvlink/nmx-compute-nodes.json")
    )
    assert {o for _, p, o in facts if p == "nvlink_member"} == {f"nvlink:{CLUSTER}/{n}" for n in (11, 12)}
    assert len({o for s, p, o in facts if p == "has_gpu" and s == "host:tray02"}) == 4


def test_amd_accelerators_have_serials_and_isolation():
    """One id from both tools."""
    facts, _ = told(captured(a="smi/amd-smi-static.json", b="smi/amd-smi-list.json"))
    assert ("gpu:AMD-6f1f0a2b3c4d5e60", "setting", "process_isolation=off") in facts
    assert ("host:gpu0001", "has_gpu", "gpu:AMD-6f1f0a2b3c4d5e61") in facts
    assert ("gpu:6fff74a1-0000-1000-801f-0a2b3c4d5e60", "same_as", "gpu:gpu0001/0") in facts


def test_a_damaged_file_is_a_problem_and_the_others_go_on():
    """All or nothing per file."""
    good, bad = captured(a="smi/h100-hgx.xml", b="smi/gb200-tray.xml")
    facts, problems = told([good, CapturedFile(bad.path, bad.data[:2000])])
    assert [problem.file for problem in problems] == ["hosts/gpu0001/smi/gb200-tray.xml"]
    assert ("host:gpu0001", "asked", "gpu") in facts


def test_nvmls_answer_gives_the_facts_of_nvidia_smi():
    """The same values kept as JSON: the same facts."""
    (smi,) = captured(a="smi/gb200-tray.xml")
    data = msgspec.json.encode(Answer(nvidia.read(smi.data)))
    assert told([CapturedFile("hosts/gpu0001/nvml.json", data)]) == told([smi])


def test_without_a_driver_the_live_collector_says_so():
    """One problem with its remedy, no exception."""
    (found,) = gpu_nvml.answers("gpu0001")
    if isinstance(found, CapturedFile):
        assert told([found])[1] == []
    else:
        assert found.remedy


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_hostile_files_never_break_the_collector(data):
    """Names with escapes, damaged bytes: facts or problems, and clean ids."""
    paths = sorted(path for path in [*FIXTURES.glob("smi/*"), *FIXTURES.glob("nvlink/*")] if path.suffix != ".md")
    path = data.draw(st.sampled_from(paths))
    seed = path.read_bytes()
    at, cut = data.draw(st.integers(0, len(seed))), data.draw(st.integers(0, len(seed)))
    noise = data.draw(st.one_of(st.binary(max_size=16), st.sampled_from([b"\x1b[2J", "\u202e".encode(), b"\xff"])))
    for mutant in (seed[:at] + noise + seed[at:], seed[:at] + noise + seed[cut:]):
        facts, _ = told([CapturedFile(f"hosts/gpu0001/{path.name}", mutant)])
        assert not any(c in term for fact in facts for term in fact for c in "\x1b\u202e\n")
