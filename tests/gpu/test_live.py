"""On a node with NVIDIA GPUs: the live collector, the captures and nvidia-smi say the same.

Run with `make test-gpu`.
"""

import shutil
import socket
import subprocess
from collections.abc import Iterable

import pytest

from ringfence.collect import gpu, gpu_nvml, nvlink
from ringfence.collect.base import HEAD, CapturedFile, Found, Scope
from ringfence.collect.probe import Probe
from ringfence.errors import Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.wire.nvlink import tables
from ringfence.wire.smi import nvidia, text

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="missing-part: no NVIDIA driver on this machine"),
]

HOST = ids.host(socket.gethostname()).partition(":")[2]
PASSING = ("compute_processes=", "mps=")
"""Settings that may change between two questions."""


def ask(*argv: str) -> bytes:
    """The tool's answer, as a capture would hold it."""
    return subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout


def stated(found: Iterable[Found]) -> dict[tuple[str, str, str], dict[str, object]]:
    """What was said, without source and time; a problem fails the test."""
    facts = {}
    for one in found:
        assert isinstance(one, Fact), one
        if not one.object.startswith(PASSING):
            facts[one.subject, one.predicate, one.object] = dict(one.attributes)
    return facts


def test_nvml_agrees_with_nvidia_smi():
    """Every fact of `nvidia-smi -q -x` is a fact of NVML with the same attributes, and none is missing."""
    captured = CapturedFile(f"hosts/{HOST}/nvidia-smi.xml", ask("nvidia-smi", "-q", "-x"))
    (answer,) = gpu_nvml.answers(HOST)
    assert isinstance(answer, CapturedFile), answer
    smi, live = (stated(gpu.collect("gpu", [file], Scope())) for file in (captured, answer))
    place = {key for key in smi if key[1] == "part_of" or "MIG-GPU-" in key[0] + key[2]}  # older XML lacks MIG UUIDs
    assert {key: smi[key] for key in smi.keys() - place} == {
        key: live[key] for key in live if not key[0].startswith("gpu:MIG-") and "MIG-" not in key[2]
    }


def test_every_gpu_of_the_listing_is_in_the_xml():
    """`-L` and `-q -x` name the same UUIDs in the same order."""
    log = nvidia.read(ask("nvidia-smi", "-q", "-x"))
    listed = text.listing(ask("nvidia-smi", "-L"))
    assert [(one.index, one.uuid) for one in log.gpus] == [(index, uuid) for index, _, uuid in listed.gpus]


def test_the_matrix_has_every_gpu():
    """`topo -m` parses and joins nothing that is not there."""
    data = ask("nvidia-smi", "topo", "-m")
    found = tables.matrix(data)
    count = len(nvidia.read(ask("nvidia-smi", "-q", "-x")).gpus)
    assert sum(name.startswith("GPU") for name in found.names) == count
    assert all(0 <= index < count for group in found.joined() for index in group)
    assert nvlink.sort("x", data[:HEAD]) == "matrix"


def test_the_link_table_parses():
    """`nvlink -s`, empty where there are no links."""
    done = subprocess.run(("nvidia-smi", "nvlink", "-s"), capture_output=True, check=False, timeout=60)
    if done.returncode == 0:
        assert all(one.uuid.startswith("GPU-") for one in tables.links(done.stdout))


def test_the_driver_parameters_parse():
    """/proc/driver/nvidia/params, where the kernel module shows them."""
    try:
        with open("/proc/driver/nvidia/params", "rb") as file:
            data = file.read()
    except OSError:
        pytest.skip("missing-part: /proc/driver/nvidia/params is not visible in this container")
    assert text.parameters(data)["DeviceFileMode"].isdecimal()


def test_every_probe_that_answers_is_recognised():
    """What the capture script would write here, the collector claims."""
    for question in gpu.QUESTIONS:
        if not isinstance(question, Probe) or shutil.which(question.argv[0]) is None or question.argv[0] == "ls":
            continue
        done = subprocess.run(question.argv, capture_output=True, check=False, timeout=60)
        if done.returncode == 0 and done.stdout.strip():
            path = question.path.replace("{host}", HOST)
            assert gpu.recognise(path, done.stdout[:HEAD]) == "gpu", path
            found = gpu.collect("gpu", [CapturedFile(path, done.stdout)], Scope())
            assert not [one for one in found if isinstance(one, Problem)], path
