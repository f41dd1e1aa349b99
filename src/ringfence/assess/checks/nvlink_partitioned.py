"""Where jobs share a node, its NVLinks are partitioned."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

SHARED = (Atom("in_partition", "it", "queue"), Atom("setting", "queue", Is("nodes=shared")))
GPU = Atom("has_gpu", "it", "gpu")
WHOLE = Like("nvlink:[^/]{1,255}")
"""A host's own links, not parted: `nvlink:<host>`."""

CHECK = Check(
    id="RF-G18",
    name="nvlink_partitioned",
    title="A node whose accelerators several jobs share has its NVLinks partitioned",
    layer=Layer.ACCELERATOR,
    each=(When((*SHARED, GPU)),),
    fails=(
        When(
            (*SHARED, GPU, Atom("nvlink_member", "gpu", WHOLE)),
            "jobs of several users may meet on it, and all its accelerators are in one NVLink domain",
        ),
    ),
    rests=(
        asked_of("nvlink"),
        When(
            (GPU, Atom("nvlink_member", "gpu", "domain", {"partition": Like(".{1,20}")})),
            "every accelerator of it is in a partition that a manager made",
            every=1,
        ),
    ),
    why="Peers of one NVLink domain share links and switches: contention and counters tell the neighbours' work, "
    "though each job holds accelerators of its own.",
    remedy="Whole nodes per job (OverSubscribe=EXCLUSIVE), or partitions by fabric manager that the prolog activates.",
    opens=("gpu#observe",),
    weight=4,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SC-4",)),
    source="NVIDIA's fabric manager guide, shared NVSwitch; NVBleed",
)
