"""Weights are stolen at rest."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import When
from ringfence.assess.conditions import EXPORTS_READ, FOLDERS_READ, OWNER_READS, data
from ringfence.assess.threat import Control, Stride, Threat, Way
from ringfence.estate.kinds import EVERYONE

THREAT = Threat(
    id="RF.T02",
    name="theft_at_rest",
    each=data("model", "checkpoint"),
    ways=(
        Way(
            "accounts that do not own them may read them",
            opens=(
                When((Atom("readable_by", "it", Is(EVERYONE)),), "every account may read them"),
                When((Atom("readable_by", "it", Prefix("identity:group/")),), "a whole group may read them"),
            ),
            shut=(
                Control(
                    "only their owner may read them",
                    (FOLDERS_READ, OWNER_READS),
                    atlas=("AML.M0005",),
                    d3fend=("D3-LFP",),
                ),
            ),
        ),
        Way(
            "an attacker comes to read them",
            opens=(),
            reach=("it#read",),
            shut=(
                Control(
                    "nobody comes to them; all exports of their storage were read", (EXPORTS_READ,), ("AML.M0005",)
                ),
            ),
        ),
        Way(
            "their storage lets a client's superuser in",
            opens=(
                When(
                    (
                        Atom("stored_on", "it", "storage"),
                        Atom("exported_to", "storage", "client", {"no_root_squash": True}),
                    ),
                    "it is exported without root_squash",
                ),
                When(
                    (Atom("stored_on", "it", "storage"), Atom("setting", "storage", Is("no_root_squash"))),
                    "it is exported without root_squash",
                ),
            ),
            shut=(
                Control(
                    "its exports name their clients and squash their superusers",
                    (
                        EXPORTS_READ,
                        When(
                            (Atom("stored_on", "it", "storage"), Atom("exported_to", "storage", "client")),
                            "the exports of every storage that holds it name their clients",
                            every=1,
                        ),
                    ),
                    d3fend=("D3-RFAM",),
                ),
            ),
        ),
    ),
    why="Weights are files. Whoever reads the file has the model, and all that its training cost.",
    remedy="Keep weights 0700 on storage that squashes root, and open them to the jobs that need them only.",
    phases=("checkpoint", "evaluate", "export"),
    stride=(Stride.DISCLOSURE,),
    atlas=("AML.T0035", "AML.T0025", "AML.T0048.004"),
    attack=("T1005",),
)
