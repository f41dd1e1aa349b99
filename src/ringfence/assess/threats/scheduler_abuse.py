"""The scheduler is abused to reach other tenants' nodes."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import When, asked_of
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T14",
    name="scheduler_abuse",
    each=(When((Atom("setting", "it", Prefix("AuthType=")),)), When((Atom("asked", "it", Is("slurm-conf")),))),
    ways=(
        Way(
            "messages to it carry no proof of their sender",
            opens=(When((Atom("setting", "it", Is("AuthType=auth/none")),), "AuthType=auth/none"),),
            shut=(
                Control(
                    "its messages prove their sender",
                    (
                        asked_of("slurm-conf"),
                        When((Atom("setting", "it", Like("AuthType=auth/(munge|slurm)")),), "AuthType proves senders"),
                    ),
                    d3fend=("D3-MAN",),
                ),
            ),
        ),
        Way(
            "an attacker comes to administer it",
            opens=(),
            reach=("it#admin",),
            shut=(
                Control(
                    "nobody comes to administer it; its controllers and its key's places were read",
                    (
                        asked_of("slurm-conf"),
                        asked_of("scheduler-key", "head", (Atom("controls", "head", "it"),)),
                        asked_of("users", "head", (Atom("controls", "head", "it"),)),
                    ),
                ),
            ),
        ),
        Way(
            "its jobs are not kept to what they were given",
            opens=(
                When(
                    (Atom("setting", "it", Like("ConstrainDevices=no|devices=unconstrained")),),
                    "devices are not constrained",
                ),
            ),
            shut=(
                Control(
                    "its jobs are kept to their devices",
                    (
                        asked_of("cgroup-conf"),
                        When((Atom("setting", "it", Is("ConstrainDevices=yes")),), "ConstrainDevices=yes"),
                    ),
                    d3fend=("D3-KBPI",),
                ),
            ),
        ),
    ),
    why="The scheduler runs code as anybody on every node: its key, its hooks and its limits are worth all of them.",
    remedy=(
        "Keep auth/munge or auth/slurm, the key 0400 on few hosts, hooks off shared storage, and devices constrained."
    ),
    phases=("pre-train", "evaluate"),
    stride=(Stride.SPOOFING, Stride.ELEVATION),
    atlas=("AML.T0012",),
    attack=("T1053", "T1078"),
)
