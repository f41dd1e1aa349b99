"""Training data is poisoned between ingest and training."""

from ringfence.analyse.rule import Atom, Differ, Is, Prefix
from ringfence.assess.check import When, asked_of
from ringfence.assess.conditions import EXPORTS_READ, FOLDERS_READ, OWNER_WRITES, STORED, data
from ringfence.assess.threat import Control, Stride, Threat, Way
from ringfence.estate.kinds import EVERYONE

THREAT = Threat(
    id="RF.T01",
    name="data_poisoning",
    each=data("dataset"),
    ways=(
        Way(
            "more than its owner may change it",
            opens=(
                When((Atom("writable_by", "it", Is(EVERYONE)),), "every account may change it"),
                When((Atom("writable_by", "it", Prefix("identity:group/")),), "a whole group may change it"),
                When(
                    (Atom("writable_by", "it", "one"), Atom("writable_by", "it", "other")),
                    "several accounts may change it",
                    (Differ("one", "other"),),
                ),
            ),
            shut=(
                Control(
                    "only its owner may change it",
                    (FOLDERS_READ, OWNER_WRITES),
                    atlas=("AML.M0005",),
                    d3fend=("D3-LFP",),
                ),
            ),
        ),
        Way(
            "an attacker comes to change it",
            opens=(),
            reach=("it#write",),
            shut=(
                Control("nobody comes to it; all exports of its storage were read", (EXPORTS_READ,), ("AML.M0005",)),
                Control(
                    "its bucket's policy was read, and nobody comes to it",
                    (asked_of("bucket-policy", "storage", STORED[:1]),),
                    ("AML.M0005",),
                ),
            ),
        ),
    ),
    why=(
        "What a model learns is what it was shown; a few thousand changed samples plant a behaviour that no test finds."
    ),
    remedy="Let one training identity write each dataset, hand it on read-only, and check its digest before each run.",
    phases=("ingest", "pre-train"),
    stride=(Stride.TAMPERING,),
    atlas=("AML.T0020", "AML.T0010.002", "AML.T0059"),
    attack=("T1565",),
)
