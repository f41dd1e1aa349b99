"""Accelerators open to nobody who has no job on the node."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, asked_of

_FREE = Atom("setting", "it", Is("pam_slurm_adopt=off"))

CHECK = Check(
    id="RF-H08",
    name="open_devices",
    title="Accelerators open to nobody who has no job on the node",
    layer=Layer.HOST,
    each=(When((Atom("has_gpu", "it", "gpu"),)),),
    fails=(
        When(
            (Atom("device_open", "it", Is("gpu")), _FREE, Atom("has_gpu", "it", "gpu")),
            "any session opens the accelerators' device files",
            opens=("gpu#context",),
        ),
        When(
            (Atom("device_open", "it", Is("imex")), _FREE, Atom("uses_imex", "it", "channel")),
            "any session opens the IMEX channel",
            opens=("channel#export",),
        ),
    ),
    rests=(
        asked_of("devices", complete=True),
        When((Atom("setting", "it", Is("pam_slurm_adopt=on")),), "sessions are held to their job's devices"),
    ),
    why="A session outside any job has no device limit: it runs kernels beside the tenant and reads counters.",
    remedy="Let pam_slurm_adopt put sessions into their job, or NVreg_ModifyDeviceFiles=0 with modes of your own.",
    weight=6,
    threats=("RF.T09", "RF.T10"),
    refs=Refs(nist=("AC-3", "SC-4")),
    source="NVIDIA's driver README, NVreg_DeviceFileMode",
)
