"""A neighbour is observed over NVLink, counters or a shared accelerator."""

from ringfence.analyse.rule import Atom, Differ, Is
from ringfence.assess.check import When, asked_of
from ringfence.assess.conditions import GPU_READ, HAS_GPU
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T09",
    name="side_channel",
    each=(When((Atom("has_gpu", "host", "it"),)),),
    ways=(
        Way(
            "two tenants share its NVLink domain",
            opens=(
                When(
                    (
                        Atom("has_gpu", "host", "it"),
                        Atom("in_tenant", "host", "mine"),
                        Atom("nvlink_member", "it", "domain"),
                        Atom("nvlink_member", "neighbour", "domain"),
                        Atom("has_gpu", "other", "neighbour"),
                        Atom("in_tenant", "other", "theirs"),
                    ),
                    "nodes of two tenants share its NVLink domain",
                    (Differ("mine", "theirs"),),
                ),
                When(
                    (
                        Atom("uses_gpu", "job", "it"),
                        Atom("in_tenant", "job", "mine"),
                        Atom("nvlink_member", "it", "domain"),
                        Atom("nvlink_member", "neighbour", "domain"),
                        Atom("uses_gpu", "foreign", "neighbour"),
                        Atom("in_tenant", "foreign", "theirs"),
                    ),
                    "jobs of two tenants share its NVLink domain",
                    (Differ("mine", "theirs"),),
                ),
            ),
            shut=(
                Control(
                    "its whole NVLink domain was read, and is one tenant's",
                    (
                        asked_of("nvlink", "host", HAS_GPU, complete=True),
                        When((*HAS_GPU, Atom("in_tenant", "host", "mine")), "its host belongs to one tenant"),
                        When(
                            (
                                Atom("nvlink_member", "it", "domain"),
                                Atom("nvlink_member", "neighbour", "domain"),
                                Atom("has_gpu", "other", "neighbour"),
                                Atom("in_tenant", "other", "theirs"),
                            ),
                            "the tenant of every neighbour in its NVLink domain is known",
                            every=2,
                        ),
                    ),
                ),
                Control(
                    "the fabric manager keeps its domain in partitions",
                    (
                        asked_of("nvlink", "host", HAS_GPU, complete=True),
                        When(
                            (*HAS_GPU, Atom("setting", "host", Is("fabric_manager=partitioned"))), "it is partitioned"
                        ),
                    ),
                ),
            ),
        ),
        Way(
            "slices of it, or all of it, are shared",
            opens=(
                When((Atom("setting", "it", Is("mig_shared=on")),), "its slices serve several users"),
                When((Atom("setting", "it", Is("mps=on")),), "several processes share it through MPS"),
                When(
                    (
                        Atom("uses_gpu", "job", "it"),
                        Atom("uses_gpu", "foreign", "it"),
                        Atom("in_tenant", "job", "mine"),
                        Atom("in_tenant", "foreign", "theirs"),
                    ),
                    "jobs of two tenants use it",
                    (Differ("mine", "theirs"),),
                ),
            ),
            shut=(
                Control(
                    "it is given out whole",
                    (GPU_READ, When((Atom("setting", "it", Is("mig=off")),), "it is not sliced")),
                ),
            ),
        ),
        Way(
            "everybody reads its performance counters",
            opens=(
                When((*HAS_GPU, Atom("setting", "host", Is("profiling=all"))), "counters are open to every account"),
            ),
            shut=(
                Control(
                    "counters are the administrator's",
                    (
                        asked_of("gpu-params", "host", HAS_GPU),
                        When((*HAS_GPU, Atom("setting", "host", Is("profiling=admin"))), "profiling=admin"),
                    ),
                ),
            ),
        ),
    ),
    why=(
        "Contention on a link, a slice's timing and counters tell a neighbour which model runs and how many "
        "tokens it makes."
    ),
    remedy="Give a whole NVLink domain and whole accelerators to one tenant, and keep counters to administrators.",
    phases=("pre-train", "evaluate", "export"),
    stride=(Stride.DISCLOSURE,),
    atlas=("AML.T0057",),
)
