"""Weights are stolen from memory or from a running job."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When, asked_of
from ringfence.assess.conditions import GPU_READ, HAS_GPU
from ringfence.assess.threat import Control, Stride, Threat, Way

UNCONSTRAINED = Like("devices=unconstrained|ConstrainDevices=no")

THREAT = Threat(
    id="RF.T03",
    name="theft_in_memory",
    each=(When((Atom("has_gpu", "host", "it"),)), When((Atom("uses_gpu", "work", "it"),))),
    ways=(
        Way(
            "an attacker comes to its memory",
            opens=(),
            reach=("it#memory",),
            shut=(
                Control(
                    "its memory is encrypted: confidential computing is on",
                    (GPU_READ, When((Atom("setting", "it", Is("cc_mode=on")),), "confidential computing is on")),
                    ("AML.M0012",),
                ),
                Control(
                    "nobody comes to its memory; its host's devices and accounts were read",
                    (asked_of("devices", "host", HAS_GPU), asked_of("sudoers", "host", HAS_GPU), GPU_READ),
                    ("AML.M0019",),
                ),
            ),
        ),
        Way(
            "a job opens an accelerator that it was not given",
            opens=(
                When(
                    (*HAS_GPU, Atom("in_cluster", "host", "cluster"), Atom("setting", "cluster", UNCONSTRAINED)),
                    "the scheduler does not constrain devices",
                ),
                When((*HAS_GPU, Atom("setting", "host", UNCONSTRAINED)), "its host does not constrain devices"),
            ),
            shut=(
                Control(
                    "each job sees the devices that it was given",
                    (
                        asked_of("cgroup-conf", "cluster", (*HAS_GPU, Atom("in_cluster", "host", "cluster"))),
                        When(
                            (
                                *HAS_GPU,
                                Atom("in_cluster", "host", "cluster"),
                                Atom("setting", "cluster", Is("ConstrainDevices=yes")),
                            ),
                            "ConstrainDevices=yes",
                        ),
                    ),
                    ("AML.M0019",),
                    d3fend=("D3-KBPI",),
                ),
            ),
        ),
    ),
    why=(
        "While a job runs, its weights lie in accelerator memory; root on the host, or a foreign context, "
        "reads them there."
    ),
    remedy=(
        "Constrain devices per job, keep other accounts off nodes that hold weights, and turn confidential "
        "computing on."
    ),
    phases=("pre-train", "evaluate", "export"),
    stride=(Stride.DISCLOSURE,),
    atlas=("AML.T0035", "AML.T0037"),
    attack=("T1005",),
)
