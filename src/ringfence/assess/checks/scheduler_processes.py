"""A job's processes are held and found by control groups."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, asked_of
from ringfence.assess.seen import SLURM

CHECK = Check(
    id="RF-S06",
    name="scheduler_processes",
    title="A job's processes are held and found by control groups",
    layer=Layer.SCHEDULER,
    each=(*SLURM,),
    fails=(
        When((Atom("setting", "it", Like("TaskPlugin=(?!.*task/cgroup).*")),), "tasks are in no control group"),
        When(
            (Atom("setting", "it", Like("ProctrackType=(?!proctrack/cgroup$).*")),),
            "processes can leave what tracks them",
        ),
    ),
    rests=(
        asked_of("slurm-conf"),
        When((Atom("setting", "it", Like("TaskPlugin=.*task/cgroup.*")),), "TaskPlugin holds task/cgroup"),
        When((Atom("setting", "it", Is("ProctrackType=proctrack/cgroup")),), "ProctrackType is proctrack/cgroup"),
    ),
    why="A process that detaches outlives its job on a node that the next tenant is given, free of every device limit.",
    remedy="Set TaskPlugin=task/cgroup,task/affinity and ProctrackType=proctrack/cgroup in slurm.conf.",
    weight=6,
    threats=("RF.T14", "RF.T15"),
    refs=Refs(nist=("SC-39", "SC-4"), d3fend=("D3-KBPI",)),
    source="Slurm's slurm.conf manual, TaskPlugin and ProctrackType",
)
