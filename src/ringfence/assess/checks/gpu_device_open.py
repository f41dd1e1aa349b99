"""An accelerator takes work only from whoever was given it."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.ways import HOST_OF_GPU, WHOLE_GPU

OPEN = (
    *HOST_OF_GPU,
    Atom("device_open", "host", Is("gpu")),
    Atom("setting", "it", Is("compute_mode=default")),
)
"""Any number of processes may run on it, and any account may start one."""

CHECK = Check(
    id="RF-G22",
    name="gpu_device_open",
    title="An ordinary session opens no accelerator that it was not given",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("has_gpu", "host", "it", WHOLE_GPU),)),),
    fails=(
        When(
            (*OPEN, Atom("setting", "host", Is("pam_slurm_adopt=off"))),
            "its device file is open to every account, and a login there is not put into its job",
        ),
        When(
            (*OPEN, Atom("in_cluster", "host", "cluster"), Atom("setting", "cluster", Is("devices=unconstrained"))),
            "its device file is open to every account, and the scheduler constrains no devices",
        ),
        When(
            (*OPEN, Atom("setting", "host", Is("devices=unconstrained"))),
            "its device file is open to every account, and its host constrains no devices",
        ),
    ),
    rests=(
        asked_of("gpu", "host", HOST_OF_GPU),
        asked_of("devices", "host", HOST_OF_GPU, complete=True),
        asked_of("pam", "host", HOST_OF_GPU),
        asked_of("cgroup-conf", "cluster", (*HOST_OF_GPU, Atom("in_cluster", "host", "cluster"))),
        When((Atom("setting", "it", Prefix("compute_mode=")),), "its compute mode was told"),
    ),
    why="CUDA_VISIBLE_DEVICES is a request, not a fence: where the device files are open and no cgroup parts "
    "them, any session reaches every accelerator beside the job that was given it.",
    remedy="ConstrainDevices=yes and pam_slurm_adopt, so that logins land in their job's cgroup; elsewhere mode 0660 "
    "and a group for the device files. Compute mode EXCLUSIVE_PROCESS keeps a second process out.",
    opens=("context",),
    weight=4,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-3",)),
    source="NVIDIA's driver README, device file permissions; nvidia-smi, compute modes",
)
