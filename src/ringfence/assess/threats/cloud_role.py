"""A cloud role or service account is abused."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import When, asked_of
from ringfence.assess.permissions import EVERYTHING, NAMED, UNNAMED
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T17",
    name="cloud_role",
    each=(When((Atom("holds_role", "holder", "it"),)), When((Atom("setting", "it", Is("cloud=aws")),))),
    ways=(
        Way(
            "an attacker comes to act as it",
            opens=(),
            reach=("it#use",),
            shut=(
                Control(
                    "nobody comes to it; what it may do was read",
                    (asked_of("kubernetes-rbac"), When((Atom("permits", "it", "what"),), "what it permits is known")),
                ),
                Control(
                    "nobody comes to it; its account was read",
                    (
                        asked_of("cloud", "cluster", (Atom("scoped_to", "it", "cluster"),)),
                        When((Atom("permits", "it", "what"),), "what it permits is known"),
                    ),
                ),
            ),
        ),
        Way(
            "it may do everything, or what nobody named",
            opens=(
                When((Atom("permits", "it", EVERYTHING),), "it permits everything"),
                When((Atom("permits", "it", UNNAMED),), "it permits what a wildcard stands for"),
                When((Atom("permits", "it", "what", {"by": UNNAMED}),), "a wildcard in its rules permits it"),
            ),
            shut=(
                Control(
                    "what it may do is named",
                    (
                        asked_of("kubernetes-rbac"),
                        When((Atom("permits", "it", NAMED),), "what it permits is named one by one"),
                    ),
                    d3fend=("D3-UAP",),
                ),
                Control(
                    "what it may do in the cloud is named",
                    (
                        asked_of("cloud", "cluster", (Atom("scoped_to", "it", "cluster"),)),
                        When((Atom("permits", "it", NAMED),), "what it permits is named one by one"),
                    ),
                    d3fend=("D3-UAP",),
                ),
            ),
        ),
    ),
    why="Code in a job asks the metadata service and has the node's role: buckets, other nodes, more roles.",
    remedy=(
        "Keep job traffic from the metadata service, scope roles to one bucket and one verb, and let tokens "
        "end with the job."
    ),
    phases=("ingest", "checkpoint", "export"),
    stride=(Stride.SPOOFING, Stride.ELEVATION),
    atlas=("AML.T0012", "AML.T0091.000"),
    attack=("T1078.004", "T1552"),
)
