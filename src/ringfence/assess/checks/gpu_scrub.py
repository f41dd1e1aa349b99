"""Nothing of a job is left in the accelerator for the next one."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.estate.facts import Fact

GPUS = (Atom("in_cluster", "host", "it"), Atom("has_gpu", "host", "gpu"))

CHECK = Check(
    id="RF-G06",
    name="gpu_scrub",
    title="The scheduler clears accelerators between jobs",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("in_partition", "host", "queue"), *GPUS)), When((Atom("asked", "it", Is("slurm-conf")), *GPUS))),
    fails=(When((Atom("setting", "it", Is("Epilog=none")), *GPUS), "no epilog runs on the nodes after a job"),),
    rests=(
        asked_of("slurm-conf"),
        When((Atom("setting", "it", Is("gpu_scrub=epilog")),), "the epilog resets or clears the accelerators"),
    ),
    why="Local memory and registers keep what the last kernel left, and device memory what the driver did not "
    "clear: the next job, perhaps of another tenant, reads answers of a language model from there "
    "(LeftoverLocals).",
    remedy="An epilog that resets the accelerators (nvidia-smi -r, amd-smi reset --clean-local-data) and fails the "
    "node where that fails. What it does cannot be read from outside: declare `gpu_scrub=epilog` of the "
    "cluster once tested.",
    opens=("gpu#observe",),
    weight=6,
    mismatch=Mismatch.STATE,
    window=("a job's last kernel", "the next job's first kernel"),
    refs=Refs(nist=("SC-4",)),
    source="LeftoverLocals (CVE-2023-4969); Slurm's prolog and epilog guide",
    by_hand=(Fact("cluster:NAME", "setting", "gpu_scrub=epilog"),),
)
