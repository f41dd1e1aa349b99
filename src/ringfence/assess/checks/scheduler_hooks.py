"""What the scheduler runs with rights of its own lies on disks that no user writes."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import Check, Layer, Refs, When, asked_of
from ringfence.assess.seen import SLURM

_PROGRAM = Like("(?!StateSaveLocation$).*")
_NODE = Atom("in_cluster", "node", "it")

CHECK = Check(
    id="RF-S08",
    name="scheduler_hooks",
    title="What the scheduler runs with rights of its own lies on disks that no user writes",
    layer=Layer.SCHEDULER,
    each=(*SLURM,),
    fails=(
        When(
            (Atom("root_runs_from", "it", "storage", {"hook": _PROGRAM}),),
            "a prolog, epilog or health check lies on shared storage",
        ),
    ),
    rests=(
        asked_of("slurm-conf"),
        asked_of("mounts", "node", (_NODE,), complete=True, kinds={"node": ("host",)}),
    ),
    doubts=(
        When(
            (Atom("setting", "it", Prefix("hook=")), _NODE, Atom("asked", "node", Is("mounts"), {"answered": False})),
            "what a node mounts was not read",
            kinds={"node": ("host",)},
        ),
    ),
    why="Whoever writes the folder writes what the superuser runs on every node, at the next job.",
    remedy="Keep Prolog, Epilog and HealthCheckProgram on each node's own disk, owned by root, mode 0755.",
    opens=("admin",),
    weight=9,
    threats=("RF.T14", "RF.T19"),
    refs=Refs(nist=("AC-6", "CM-5"), d3fend=("D3-LFP",)),
    source="Slurm's prolog and epilog guide; a published slurm.conf that runs a health check from /scratch",
)
