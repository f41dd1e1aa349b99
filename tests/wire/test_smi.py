"""What nvidia-smi, amd-smi and rocm-smi print is read as it is meant."""

from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire.smi import amd, nvidia, nvml, text
from tests.shared_data import shared

FIXTURES = Path(__file__).parents[1] / "fixtures" / "smi"
READERS = (nvidia.read, nvml.read, text.listing, text.confidential, text.parameters, amd.read)
SEEDS = [path.read_bytes() for path in sorted(FIXTURES.iterdir()) if path.suffix != ".md"]
SEEDS.append(msgspec.json.encode(nvml.Answer(nvidia.read((FIXTURES / "a100-mig.xml").read_bytes()))))


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def test_ten_real_answers_are_read():
    """Drivers 418 to 595, schemas 10 to 13: every file has its GPU, name, UUID and memory."""
    files = sorted(shared("nvidia-smi").glob("*.xml"))
    assert len(files) == 10
    for file in files:
        log = nvidia.read(file.read_bytes())
        assert [gpu.uuid.startswith("GPU-") and gpu.name != "" and gpu.memory_mib > 0 for gpu in log.gpus] == [True]


def test_a_real_a10g_has_ecc_on_and_its_driver_is_known():
    """The values that checks rest on are the file's own."""
    log = nvidia.read(shared("nvidia-smi/a10g.xml").read_bytes())
    (gpu,) = log.gpus
    assert (log.driver, log.cuda, gpu.ecc, gpu.persistence) == ("515.105.01", "11.7", "Enabled", "Disabled")
    assert (gpu.vbios, gpu.pci) == ("94.02.75.00.01", "00000000:00:1E.0")


def test_compute_and_graphics_processes_are_told_apart():
    """C, G and C+G as the tool prints them."""
    log = nvidia.read(shared("nvidia-smi/rtx-4000-sff-ada-v13.xml").read_bytes())
    assert [one.kind for one in log.gpus[0].processes] == ["G", "G", "C", "C+G"]


def test_a_single_hosts_fabric_has_no_cluster():
    """HGX prints a cluster UUID of zeros: the domain is the host's own."""
    log = nvidia.read(fixture("h100-hgx.xml"))
    assert len(log.gpus) == 8
    assert {(gpu.fabric.state, gpu.fabric.cluster) for gpu in log.gpus if gpu.fabric} == {("Completed", "")}


def test_a_rack_scale_tray_names_cluster_clique_and_place():
    """NVL72 prints all of them."""
    gpu = nvidia.read(fixture("gb200-tray.xml")).gpus[3]
    assert gpu.fabric == nvidia.Fabric("Completed", "Success", "32766", "5c1a1f30-0e6b-4d2c-9c3e-7a9d1b2c3d4e")
    assert gpu.place == nvidia.Place("1820000000001", "5", "1", "1")


def test_mig_devices_without_a_uuid_get_the_old_name():
    """MIG-<GPU UUID>/<gi>/<ci>, as drivers before 470 wrote it."""
    (gpu,) = nvidia.read(fixture("a100-mig.xml")).gpus
    assert [mig.uuid for mig in gpu.migs] == [f"MIG-{gpu.uuid}/{gi}/0" for gi in (1, 2, 11)]


def test_a_file_cut_short_is_refused_with_its_line():
    """Half an answer is none."""
    data = fixture("h100-hgx.xml")
    with pytest.raises(InputError) as caught:
        nvidia.read(data[: len(data) // 2])
    assert caught.value.line > 1


def test_a_gpu_missing_from_the_count_is_refused():
    """attached_gpus must agree with what is listed."""
    with pytest.raises(InputError, match="lists 8"):
        nvidia.read(fixture("h100-hgx.xml").replace(b"<attached_gpus>8<", b"<attached_gpus>9<"))


@pytest.mark.parametrize("encoding", ["", ' encoding="utf-16"', ' encoding="cp037"'])
def test_entities_are_refused_in_any_encoding(encoding):
    """The fast parser never sees a file that could declare one."""
    declared = '<!DOCTYPE nvidia_smi_log [<!ENTITY a "b">]>'
    bomb = f'<?xml version="1.0"{encoding}?>{declared}<nvidia_smi_log>&a;</nvidia_smi_log>'
    codec = encoding.split('"')[1] if encoding else "utf-8"
    with pytest.raises(InputError):
        nvidia.read(bomb.encode(codec))


def test_many_unclosed_lists_take_linear_time():
    """Cutting the lists of clock rates never looks twice at the same bytes."""
    with pytest.raises(InputError):
        nvidia.read(b"<nvidia_smi_log>" + b"<supported_clocks>" * 200_000)


def test_the_listing_gives_mig_uuids():
    """`nvidia-smi -L` is where MIG UUIDs come from."""
    found = text.listing(fixture("list.txt"))
    assert [gpu[0] for gpu in found.gpus] == [0, 1]
    assert [(mig.gpu_index, mig.index, mig.profile) for mig in found.migs] == [(0, 0, "1g.5gb"), (0, 1, "2g.10gb")]


def test_driver_parameters_are_names_and_values():
    """/proc/driver/nvidia/params as printed."""
    found = text.parameters(fixture("nvidia-params"))
    assert (found["RmProfilingAdminOnly"], found["DeviceFileMode"], found["RegistryDwords"]) == ("1", "438", "")


def test_confidential_computing_is_on_where_the_tool_says_so():
    """The one line of `conf-compute -f`."""
    assert text.confidential(fixture("conf-compute.txt"))
    assert not text.confidential(b"CC status: OFF\n")


def test_both_amd_tools_name_one_card_by_one_serial():
    """amd-smi's ASIC serial is rocm-smi's unique id."""
    static, listed, rocm = (
        amd.read(fixture(f"{name}.json")) for name in ("amd-smi-static", "amd-smi-list", "rocm-smi")
    )
    assert static[0].serial == rocm[0].serial == "6f1f0a2b3c4d5e60"
    assert [card.isolation for card in static] == ["Disabled", "Enabled"]
    assert (static[0].memory_mib, static[0].ecc, rocm[0].memory_mib) == (196592, "ENABLED", 65520)
    assert (listed[0].uuid, listed[0].pci) == ("6fff74a1-0000-1000-801f-0a2b3c4d5e60", "0000:83:00.0")


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
