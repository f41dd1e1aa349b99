"""On a node with NVIDIA GPUs: the agent's sampler and nvidia-smi say the same.

Run with `make test-gpu`.
"""

import shutil
import subprocess
import time

import pytest

from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.collect.telemetry.samplers.nvml import Nvml
from ringfence.wire.ocsf import classes

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="missing-part: no NVIDIA driver on this machine"),
]


def smi(question):
    """One column of nvidia-smi, a row for each device."""
    argv = ["nvidia-smi", f"--query-gpu={question}", "--format=csv,noheader,nounits"]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.split("\n")[:-1]


def test_every_device_is_sampled_as_nvidia_smi_shows_it():
    """Identity, power and memory."""
    sampler = Nvml(Machine("gpu0001"))
    sampler.open()
    begun = time.perf_counter()
    list(sampler.look())
    found = [one.fields for one in sampler.look() if (one.class_uid, one.activity_id) == (classes.GPU, 1)]
    assert time.perf_counter() - begun < 2
    assert [one["gpu.uuid"] for one in found] == smi("uuid")
    assert [one["gpu.model"] for one in found] == smi("name")
    for one, power, used in zip(found, smi("power.draw"), smi("memory.used"), strict=True):
        assert one["gpu.power"] == pytest.approx(float(power), rel=0.5)
        assert one["gpu.memory_used"] / 2**20 == pytest.approx(float(used), abs=1024)
    sampler.close()


def test_links_are_told_where_there_are_any():
    """As many as nvidia-smi counts as up."""
    done = subprocess.run(["nvidia-smi", "nvlink", "-s"], capture_output=True, text=True, check=False, timeout=60)
    sampler = Nvml(Machine("gpu0001"))
    sampler.open()
    list(sampler.look())
    up = [one for one in sampler.look() if (one.class_uid, one.activity_id) == (classes.NVLINK, 1)]
    assert len(up) == done.stdout.count("GB/s")
    sampler.close()
