"""Sources whose kernel part is not on every machine, from files as it has them: modules, ports, queue pairs."""

import json
import os

import pytest

from ringfence.collect.telemetry.samplers.attestation import Attestation
from ringfence.collect.telemetry.samplers.ib import IbPorts
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.collect.telemetry.samplers.modules import Modules
from ringfence.collect.telemetry.samplers.rdma import QueuePairs
from ringfence.errors import MissingPart
from tests.collect.telemetry.samplers.looked import started

HERE = Machine("gpu0001", "c1")


def test_a_module_that_appears_in_the_list_is_told_with_its_signature(tmp_path):
    """The files as the kernel writes them."""
    listed, sys = tmp_path / "modules", tmp_path / "sys"
    listed.write_text("ib_core 450560 8 - Live 0x0\n")
    (sys / "rootkit").mkdir(parents=True)
    (sys / "rootkit" / "taint").write_text("OE\n")
    sampler = Modules(HERE, listed, sys)
    started(sampler)
    assert list(sampler.look()) == []
    listed.write_text("rootkit 16384 0 - Live 0x0 (OE)\n")
    sampler._compared -= 60
    loaded, removed = sampler.look()
    assert (loaded.activity_id, loaded.fields) == (1, {"module.file.path": "rootkit", "module.signed": "false"})
    assert (removed.activity_id, removed.fields["module.file.path"]) == (2, "ib_core")
    sampler.close()


def port(root, **counters):
    """A port as sysfs shows it."""
    folder = root / "mlx5_0" / "ports" / "1"
    (folder / "counters").mkdir(parents=True, exist_ok=True)
    (folder / "gids").mkdir(exist_ok=True)
    (folder / "gids" / "0").write_text("fe80:0000:0000:0000:7cfe:9003:00a1:b2c3\n")
    (folder / "link_layer").write_text("InfiniBand\n")
    (folder / "state").write_text(counters.pop("state", "4: ACTIVE") + "\n")
    for name, value in counters.items():
        (folder / "counters" / name).write_text(f"{value}\n")


def test_a_port_is_told_by_what_its_counters_grew(tmp_path):
    """Words of four bytes are bytes; errors and changes of state are events of their own."""
    port(tmp_path, port_xmit_data=1000, port_rcv_data=5, symbol_error=1, port_rcv_constraint_errors=0)
    sampler = IbPorts(HERE, tmp_path)
    sampler.open()
    assert list(sampler.look()) == []
    port(tmp_path, port_xmit_data=1250, port_rcv_data=2, symbol_error=1, port_rcv_constraint_errors=3, state="1: DOWN")
    state, sample, error = sampler.look()
    assert (state.activity_id, state.fields["ib.state"]) == (3, "DOWN")
    assert (sample.activity_id, sample.fields["ib.guid"]) == (1, "0x7cfe900300a1b2c3")
    assert (sample.fields["ib.xmit"], sample.fields["ib.rcv"]) == (1000, 8)  # a counter that was reset begins anew
    assert (error.activity_id, error.fields["ib.errors"], error.fields["ib.constraint_errors"]) == (2, 3, 3)
    with pytest.raises(MissingPart):
        IbPorts(HERE, tmp_path / "none").open()


def pair(number, **more):
    """A queue pair as iproute2 prints it."""
    about = {"ifname": "mlx5_0", "port": 1, "lqpn": number, "rqpn": 77, "type": "RC", "state": "RTS"}
    return about | {"pid": os.getpid(), "comm": "nccl"} | more


def test_queue_pairs_come_and_go_and_the_peer_is_not_known(tmp_path):
    """A program in the place of `rdma` prints what a file says."""
    (tmp_path / "sys" / "mlx5_0").mkdir(parents=True)
    said, program = tmp_path / "said", tmp_path / "rdma"
    program.write_text(f"#!/bin/sh\ncat {said}\n")
    program.chmod(0o755)
    sampler = QueuePairs(HERE, tmp_path / "sys", str(program))
    sampler.open()
    said.write_text(json.dumps([pair(1), pair(2)]))
    assert [one.fields["rdma.qpn"] for one in sampler.look()] == [1, 2]
    said.write_text(json.dumps([pair(2), pair(3)]))
    opened, closed = sampler.look()
    assert (opened.activity_id, opened.fields["rdma.qpn"], opened.fields["rdma.peer_qpn"]) == (1, 3, 77)
    assert (closed.activity_id, closed.fields["rdma.qpn"]) == (2, 1)
    assert "rdma.peer" not in opened.fields
    assert opened.fields["actor.process.pid"] == os.getpid()
    said.write_text("no json")
    with pytest.raises(OSError, match="rdma"):
        list(sampler.look())


def test_what_is_not_here_is_a_hole_with_a_remedy(tmp_path):
    """No driver, no device, no program."""
    for sampler in (QueuePairs(HERE, tmp_path / "none"), Modules(HERE, tmp_path / "none")):
        with pytest.raises(MissingPart) as error:
            sampler.open()
        assert error.value.remedy


def test_attestation_says_that_it_is_unknown():
    """Aloud."""
    (event,) = Attestation(HERE).look()
    assert event.fields["unmapped.attestation.state"] == "unknown"
