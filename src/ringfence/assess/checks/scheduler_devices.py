"""A job reaches only the devices that it was given."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, asked_of
from ringfence.assess.seen import SLURM

_OFF = Is("ConstrainDevices=no")

CHECK = Check(
    id="RF-S05",
    name="scheduler_devices",
    title="A job reaches only the devices that it was given",
    layer=Layer.SCHEDULER,
    each=(*SLURM,),
    fails=(
        When((Atom("setting", "it", _OFF),), "devices are not constrained"),
        When(
            (Atom("setting", "it", _OFF), Atom("in_cluster", "node", "it"), Atom("has_gpu", "node", "gpu")),
            "which opens every accelerator of a node",
            opens=("gpu#context",),
        ),
        When(
            (Atom("in_cluster", "node", "it"), Atom("setting", "node", _OFF)), "a node's own file leaves devices open"
        ),
    ),
    rests=(
        asked_of("cgroup-conf"),
        When((Atom("setting", "it", Is("ConstrainDevices=yes")),), "ConstrainDevices is yes"),
    ),
    why="Without it CUDA_VISIBLE_DEVICES is a wish: any job opens /dev/nvidia* of its neighbours.",
    remedy="Set ConstrainDevices=yes in cgroup.conf on every node, with TaskPlugin=task/cgroup, and restart slurmd.",
    weight=8,
    threats=("RF.T10", "RF.T14"),
    refs=Refs(nist=("AC-3", "SC-4", "SC-39"), d3fend=("D3-KBPI",)),
    source="Slurm's cgroup.conf manual, ConstrainDevices",
)
