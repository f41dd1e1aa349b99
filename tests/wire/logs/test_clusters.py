"""Readers of what a GPU cluster itself tells: accelerators, fabric ports, queue pairs, jobs, controllers."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import Problem
from ringfence.wire.logs import bmc, dcgm, ib_counters, rdma_resources, slurm_accounting, slurm_hooks, smi
from ringfence.wire.logs.feed import read_as
from ringfence.wire.logs.form import Form
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.shared_data import shared

ALL = (
    dcgm.FORM,
    smi.XML_FORM,
    smi.CSV_FORM,
    ib_counters.FORM,
    rdma_resources.FORM,
    slurm_accounting.FORM,
    slurm_hooks.FORM,
    bmc.JSON_FORM,
    bmc.SEL_FORM,
)

DCGM = """# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-aa",device="nvidia0",modelName="H100",Hostname="gpu0001",hpc_job="4711"} 97
DCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-bb",device="nvidia1",modelName="H100",Hostname="gpu0001"} 0
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-aa",device="nvidia0",modelName="H100",Hostname="gpu0001"} 1024
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-aa",device="nvidia0",modelName="H100",Hostname="gpu0001"} 650.5
DCGM_FI_DEV_XID_ERRORS{gpu="1",UUID="GPU-bb",device="nvidia1",modelName="H100",Hostname="gpu0001"} 79
DCGM_FI_DEV_MEM_CLOCK{gpu="1",UUID="GPU-bb",device="nvidia1",modelName="H100",Hostname="gpu0001"} 2619
"""
CSV = """timestamp, uuid, utilization.gpu [%], memory.used [MiB], power.draw [W], fan.speed [%]
2026/01/02 03:04:05.678, GPU-aa, 97 %, 1024 MiB, 650.50 W, [N/A]
"""
SMI = """<?xml version="1.0" ?>
<nvidia_smi_log>
  <timestamp>Fri Jan  2 03:04:05 2026</timestamp>
  <gpu id="00000000:07:00.0">
    <product_name>NVIDIA H100</product_name><uuid>GPU-aa</uuid>
    <fb_memory_usage><used>1024 MiB</used></fb_memory_usage>
    <utilization><gpu_util>97 %</gpu_util><memory_util>N/A</memory_util></utilization>
    <processes><process_info><pid>812</pid><process_name>/usr/bin/xmrig-cuda</process_name>
      <used_memory>500 MiB</used_memory></process_info></processes>
  </gpu>
</nvidia_smi_log>
"""
PERFQUERY = """# Port extended counters: Lid 3 port 1 (CapMask: 0x5A00)
PortSelect:......................1
PortXmitData:....................1000
PortXmitConstraintErrors:........0
# Port extended counters: Lid 3 port 1 (CapMask: 0x5A00)
PortSelect:......................1
PortXmitData:....................1500
PortXmitConstraintErrors:........7
"""
QPS = (
    '[{"ifindex":0,"ifname":"mlx5_0","port":1,"lqpn":290,"rqpn":301,"type":"RC","state":"RTS","pid":812,'
    '"comm":"python3"}]'
)
SACCT = """JobID|Cluster|JobName|User|Account|State|Submit|Start|End|NodeList|AllocTRES|ExitCode
4711|alpha|pretrain|alice|t01|COMPLETED|2026-01-02T03:00:00|2026-01-02T03:04:05|2026-01-02T09:00:00|gpu[0001-0002]|cpu=64,gres/gpu=16|0:0
4711.0|alpha|python|||COMPLETED|2026-01-02T03:04:05|2026-01-02T03:04:05|2026-01-02T09:00:00|gpu[0001-0002]||0:0
4712|alpha|debug|bob|t02|CANCELLED by 1001|2026-01-02T03:00:00|2026-01-02T03:05:00|2026-01-02T03:06:00|gpu0003||0:15
4713|alpha|next|bob|t02|PENDING|2026-01-02T03:00:00|Unknown|Unknown|None assigned||0:0
"""
HOOK = (
    '{"SLURM_SCRIPT_CONTEXT":"prolog_slurmctld","SLURM_JOB_ID":"4711","SLURM_CLUSTER_NAME":"alpha",'
    '"SLURM_JOB_USER":"alice","SLURM_JOB_NODELIST":"gpu[0001-0002]","SLURM_JOB_GPUS":"0,1","SLURM_JOB_START_TIME":"1767323045"}\n'
    '{"SLURM_SCRIPT_CONTEXT":"epilog_slurmd","SLURM_JOB_ID":"4711","SLURM_CLUSTER_NAME":"alpha",'
    '"SLURMD_NODENAME":"gpu0001","SLURM_JOB_END_TIME":"1767344400"}\n'
)
REDFISH = (
    '{"@odata.type":"#Event.v1_7_0.Event","Context":"gpu0001","Events":[{"MessageId":"Acme.1.0.ChassisIntrusion",'
    '"EventTimestamp":"2026-01-02T03:04:05Z","Message":"Chassis intrusion detected",'
    '"OriginOfCondition":{"@odata.id":"/redfish/v1/Chassis/1"}},'
    '{"MessageId":"ResourceEvent.1.0.ResourceRemoved","EventTimestamp":"2026-01-02T03:04:06Z","Message":"gone"}]}\n'
)
SEL = """   1 | 01/02/2026 | 03:04:05 UTC | Physical Security #0x51 | General Chassis intrusion | Asserted
   2 | 01/02/2026 | 03:09:05 UTC | Power Supply #0x52 | Power Supply AC lost | Asserted
"""

SAMPLES = dict(
    zip((form.name for form in ALL), (DCGM, SMI, CSV, PERFQUERY, QPS, SACCT, HOOK, REDFISH, SEL), strict=True)
)
T = 1_767_323_045_000_000


def events(form: Form, text: str) -> list[Event]:
    """All events of a text; none of its lines may be a problem."""
    found = list(read_as(form, "sample", text.encode()))
    assert not [one for one in found if isinstance(one, Problem)]
    return [one for one in found if isinstance(one, Event)]


@pytest.mark.parametrize("form", ALL, ids=lambda form: form.name)
def test_each_form_is_known_by_its_looks_alone(form):
    """And by no other of these."""
    looked = [other.name for other in ALL if other.looks(SAMPLES[form.name].encode())]
    assert looked == [form.name]


def test_a_scrape_is_a_sample_of_every_accelerator():
    """Units are those of the columns; an Xid is an error of its own, once."""
    one, other, error = sorted(events(dcgm.FORM, DCGM), key=lambda each: (each.activity_id, each.fields["gpu.uuid"]))
    assert (one.host, one.fields["gpu.utilization"], one.fields["gpu.power"]) == ("gpu0001", 97.0, 650.5)
    assert one.fields["gpu.memory_used"] == 1024 << 20
    assert one.fields["job.uid"] == "job:slurm//4711"
    assert other.fields["unmapped.DCGM_FI_DEV_MEM_CLOCK"] == "2619.0"
    assert (error.activity_id, error.fields["gpu.xid"]) == (4, 79)


def test_two_scrapes_one_after_the_other_are_two_samples():
    """The second begins where a metric comes again; an Xid that stands is no news."""
    found = events(dcgm.FORM, DCGM + DCGM)
    assert [one.activity_id for one in found].count(1) == 4
    assert [one.activity_id for one in found].count(4) == 1


def test_nvidia_smi_as_csv():
    """Units in the cells are taken off, what is not supported is left out."""
    (one,) = events(smi.CSV_FORM, CSV)
    assert one.time == T + 678_000
    assert (one.fields["gpu.utilization"], one.fields["gpu.memory_used"]) == (97.0, 1024 << 20)
    assert "unmapped.fan.speed" not in one.fields


def test_nvidia_smi_as_xml():
    """A sample of the accelerator, and the process that has a context on it."""
    sample, process = events(smi.XML_FORM, SMI)
    assert (sample.time, sample.activity_id, sample.fields["gpu.processes"]) == (T, 1, 1)
    assert "gpu.memory_utilization" not in sample.fields
    assert (process.activity_id, process.fields["process.name"]) == (2, "xmrig-cuda")


@pytest.mark.parametrize("name", ["rtx-3090-v12", "rtx-4000-sff-ada-v13", "a10g", "gtx-1660-ti"])
def test_real_nvidia_smi_logs_give_utilization_memory_and_power(name):
    """Of two versions of the format."""
    data = shared(f"nvidia-smi/{name}.xml").read_bytes()
    sample = next(one for one in read_as(smi.XML_FORM, name, data) if isinstance(one, Event))
    assert sample.time > 0
    assert {"gpu.uuid", "gpu.utilization", "gpu.memory_used", "gpu.temperature"} <= set(sample.fields)


def test_counters_of_a_port_are_compared_with_the_look_before():
    """Words become octets; the first look is no sample."""
    (one,) = events(ib_counters.FORM, PERFQUERY)
    assert (one.class_uid, one.activity_id) == (classes.IB_PORT, 1)
    assert one.fields["ib.xmit"] == 2000
    assert one.fields["ib.constraint_errors"] == 7


def test_a_counter_that_was_cleared_counts_from_nought():
    """It never goes down."""
    (one,) = events(ib_counters.FORM, PERFQUERY.replace("1500", "10"))
    assert one.fields["ib.xmit"] == 40


def test_queue_pairs_name_no_peer():
    """The kernel does not know it; the number of the peer's pair it does."""
    (one,) = events(rdma_resources.FORM, QPS)
    assert (one.fields["rdma.qpn"], one.fields["rdma.peer_qpn"], one.fields["process.pid"]) == (290, 301, 812)
    assert "rdma.peer" not in one.fields


def test_accounting_gives_what_has_happened_of_each_job():
    """Submitted, started, ended; a cancelled one is told as such, a step is no job."""
    found = [(one.fields["job.uid"], one.activity_id) for one in events(slurm_accounting.FORM, SACCT)]
    job = "job:slurm/alpha/"
    assert found == [
        *((f"{job}4711", activity) for activity in (1, 2, 3)),
        *((f"{job}4712", activity) for activity in (1, 2, 5)),
        (f"{job}4713", 1),
    ]
    started = events(slurm_accounting.FORM, SACCT)[1]
    assert started.time == T
    assert (started.fields["job.hosts"], started.fields["job.gpus"]) == ("gpu0001,gpu0002", 16)
    assert started.fields["job.user"] == "alice"


def test_a_prolog_starts_a_job_and_an_epilog_ends_it():
    """On the controller for all hosts, on a node for that one."""
    start, end = events(slurm_hooks.FORM, HOOK)
    assert (start.activity_id, start.host, start.fields["job.hosts"]) == (2, "", "gpu0001,gpu0002")
    assert (start.time, start.fields["job.gpus"]) == (T, 4)
    assert (end.activity_id, end.host) == (3, "gpu0001")


def test_what_env_prints_in_a_hook_is_read_like_its_json():
    """Blocks ended by dashes, by `_=` or by a name that comes again; nothing but Slurm's names is kept."""
    blocks = ["".join(f"{name}={value}\n" for name, value in json.loads(line).items()) for line in HOOK.splitlines()]
    others = "PATH=/usr/bin\nSECRET=hunter2\nBASH_FUNC_x=() {\n echo\n}\n"
    plain = [one.fields for one in events(slurm_hooks.FORM, HOOK)]
    for end in ("---\n", "_=/usr/bin/env\n", ""):
        found = events(slurm_hooks.FORM, "".join(block + others + end for block in blocks))
        assert [one.fields for one in found] == plain
        assert [one.activity_id for one in found] == [2, 3]
    assert slurm_hooks.looks((others + blocks[0]).encode())
    assert not slurm_hooks.looks(others.encode())


def test_a_block_without_a_job_is_a_problem_and_the_next_is_read():
    """What an environment lacks is said once."""
    found = list(read_as(slurm_hooks.FORM, "x", ("SLURM_JOB_USER=eve\n---\n" + HOOK).encode()))
    assert [type(one) for one in found] == [Problem, Event, Event]


def test_a_controllers_events_say_what_they_are_about():
    """An opened chassis, and a part that is gone."""
    opened, gone = events(bmc.JSON_FORM, REDFISH)
    assert (opened.activity_id, opened.host, opened.time) == (5, "gpu0001", T)
    assert opened.fields["hardware.component"] == "/redfish/v1/Chassis/1"
    assert gone.activity_id == 3


def test_the_event_log_by_ipmitool():
    """The same from a line of a table."""
    opened, power = events(bmc.SEL_FORM, SEL)
    assert (opened.activity_id, opened.time) == (5, T)
    assert power.activity_id == 6


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ALL), st.data())
def test_damage_is_a_problem_and_never_a_fault(form, data):
    """Any bytes cut out, doubled or put in: events and problems, and an end."""
    text = SAMPLES[form.name].encode()
    at = data.draw(st.integers(0, len(text)))
    put = data.draw(st.binary(max_size=12))
    for one in read_as(form, "damaged", text[:at] + put + text[at + data.draw(st.integers(0, 40)) :]):
        assert isinstance(one, (Event, Problem))
        msgspec.json.encode(one)
