"""A rank manipulates its gang's collectives."""

from ringfence.analyse.rule import Atom, Differ, Like
from ringfence.assess.check import When, asked_of
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T06",
    name="collective_manipulation",
    each=(When((Atom("uses_gpu", "it", "gpu"),), kinds={"it": ("job",)}),),
    ways=(
        Way(
            "an attacker's code comes into one of its ranks",
            opens=(),
            reach=("it#code",),
            shut=(
                Control(
                    "nobody comes into it; its scheduler proves who sends its messages",
                    (
                        asked_of("slurm-conf", "cluster", (Atom("in_cluster", "it", "cluster"),)),
                        When(
                            (
                                Atom("in_cluster", "it", "cluster"),
                                Atom("setting", "cluster", Like("AuthType=auth/(munge|slurm)")),
                            ),
                            "AuthType is auth/munge or auth/slurm",
                        ),
                    ),
                ),
            ),
        ),
        Way(
            "others run on its nodes",
            opens=(
                When(
                    (
                        Atom("runs_on", "it", "host"),
                        Atom("runs_on", "other", "host"),
                        Atom("in_tenant", "it", "mine"),
                        Atom("in_tenant", "other", "theirs"),
                    ),
                    "a job of another tenant runs on one of its nodes",
                    (Differ("mine", "theirs"),),
                    {"other": ("job",)},
                ),
            ),
            shut=(
                Control(
                    "its nodes are given out whole",
                    (
                        When(
                            (
                                Atom("runs_on", "it", "host"),
                                Atom("in_partition", "host", "partition"),
                                Atom("setting", "partition", Like("nodes=exclusive|OverSubscribe=EXCLUSIVE")),
                            ),
                            "its partition gives nodes out whole",
                        ),
                    ),
                ),
            ),
        ),
    ),
    why=(
        "Collectives add up what every rank sends and believe all of it: one rank that lies steers the "
        "gradients of all."
    ),
    remedy="Run each gang on nodes of its own, in a partition key of its own, under accounts that no one else enters.",
    phases=("pre-train",),
    stride=(Stride.TAMPERING, Stride.SPOOFING),
    atlas=("AML.T0018.000", "AML.T0031"),
    attack=("T1565", "T1557"),
)
