"""Runs are sabotaged or held up."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When, asked_of
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T24",
    name="sabotage",
    each=(When((Atom("in_partition", "host", "it"),)), When((Atom("asked", "it", Is("slurm-conf")),))),
    ways=(
        Way(
            "others may run on the nodes that a run holds",
            opens=(
                When(
                    (Atom("setting", "it", Like("OverSubscribe=(YES|FORCE).*")),), "it gives one node to several jobs"
                ),
                When((Atom("setting", "it", Is("nodes=shared")),), "it gives one node to several jobs"),
            ),
            shut=(
                Control(
                    "it gives nodes out whole",
                    (
                        When(
                            (Atom("setting", "it", Like("nodes=exclusive|OverSubscribe=EXCLUSIVE")),),
                            "nodes are given out whole",
                        ),
                    ),
                ),
            ),
            about=("partition",),
        ),
        Way(
            "an attacker comes to cancel, hold or requeue jobs",
            opens=(),
            reach=("it#admin",),
            shut=(
                Control(
                    "nobody comes to administer it; its settings and its controllers' accounts were read",
                    (asked_of("slurm-conf"), asked_of("users", "head", (Atom("controls", "head", "it"),))),
                ),
            ),
            about=("cluster",),
        ),
        Way(
            "nothing limits how much one account may queue or take",
            opens=(When((Atom("setting", "it", Is("AccountingStorageEnforce=none")),), "no limits are enforced"),),
            shut=(
                Control(
                    "limits are enforced",
                    (
                        asked_of("slurm-conf"),
                        When(
                            (Atom("setting", "it", Like("AccountingStorageEnforce=.*(limits|qos|safe).*")),),
                            "limits are enforced",
                        ),
                    ),
                ),
            ),
            about=("cluster",),
        ),
    ),
    why=(
        "A gang runs at the speed of its slowest rank: one neighbour, one cable or one cancelled job costs "
        "thousands of hours."
    ),
    remedy="Whole nodes per gang, limits per account, and few people who may cancel what is not theirs.",
    phases=("pre-train", "checkpoint", "evaluate"),
    stride=(Stride.DENIAL,),
    atlas=("AML.T0029",),
    attack=("T1499", "T1489"),
)
