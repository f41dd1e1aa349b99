"""An insider takes what they may read."""

from ringfence.analyse.rule import Atom, Differ, Is
from ringfence.assess.check import When
from ringfence.assess.conditions import EXPORTS_READ, FOLDERS_READ, OWNER_READS, data
from ringfence.assess.threat import Control, Stride, Threat, Way
from ringfence.estate.kinds import EVERYONE

THREAT = Threat(
    id="RF.T16",
    name="insider",
    each=data("model", "checkpoint", "dataset"),
    ways=(
        Way(
            "more people may read it than work on it",
            opens=(
                When((Atom("readable_by", "it", Is(EVERYONE)),), "every account may read it"),
                When(
                    (Atom("readable_by", "it", "one"), Atom("readable_by", "it", "other")),
                    "several accounts may read it",
                    (Differ("one", "other"),),
                ),
            ),
            shut=(
                Control("only its owner may read it", (FOLDERS_READ, OWNER_READS), ("AML.M0005",), d3fend=("D3-LFP",)),
            ),
        ),
        Way(
            "who reads it works on a machine that leads outside",
            opens=(
                When(
                    (
                        Atom("readable_by", "it", "account"),
                        Atom("logs_in_from", "account", "desk"),
                        Atom("mounts", "desk", "storage"),
                        Atom("stored_on", "it", "storage"),
                    ),
                    "its storage is mounted on a person's own machine",
                ),
            ),
            shut=(
                Control(
                    "all exports of its storage were read, and they name their clients",
                    (
                        EXPORTS_READ,
                        When(
                            (Atom("stored_on", "it", "storage"), Atom("exported_to", "storage", "client")),
                            "the exports of every storage that holds it name clients",
                            every=1,
                        ),
                    ),
                ),
            ),
        ),
    ),
    why="Nobody breaks in: the account is theirs, the read is allowed, and only the number of those who may limits it.",
    remedy="Count who may read weights, lower it, and let them use weights through an interface instead of the file.",
    phases=("ingest", "checkpoint", "export"),
    stride=(Stride.DISCLOSURE,),
    atlas=("AML.T0012", "AML.T0025"),
    attack=("T1078", "T1005"),
)
