"""A checkpoint is tampered with."""

from ringfence.analyse.rule import Atom, Differ, Is, Prefix
from ringfence.assess.check import When
from ringfence.assess.conditions import EXPORTS_READ, FOLDERS_READ, OWNER_WRITES, data
from ringfence.assess.threat import Control, Stride, Threat, Way
from ringfence.estate.kinds import EVERYONE

THREAT = Threat(
    id="RF.T05",
    name="checkpoint_tampering",
    each=data("checkpoint"),
    ways=(
        Way(
            "more than its owner may change it",
            opens=(
                When((Atom("writable_by", "it", Is(EVERYONE)),), "every account may change it"),
                When((Atom("writable_by", "it", Prefix("identity:group/")),), "a whole group may change it"),
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
            ),
        ),
        Way(
            "somebody else's job resumes from it",
            opens=(
                When(
                    (
                        Atom("in_tenant", "it", "owner"),
                        Atom("reads", "job", "it"),
                        Atom("in_tenant", "job", "other"),
                    ),
                    "a job of another tenant loads it",
                    (Differ("owner", "other"),),
                ),
            ),
            shut=(
                Control(
                    "its own tenant's jobs load it",
                    (
                        When(
                            (
                                Atom("in_tenant", "it", "owner"),
                                Atom("reads", "job", "it"),
                                Atom("in_tenant", "job", "owner"),
                            ),
                            "jobs of its own tenant load it",
                        ),
                    ),
                    ("AML.M0014",),
                ),
            ),
        ),
    ),
    why=(
        "A resumed run trusts its last state: what was changed there, in weights or in code that a pickle "
        "holds, is trained on."
    ),
    remedy=(
        "Keep checkpoints writable by the run's own identity, sign them when they are saved and check them on resume."
    ),
    phases=("checkpoint", "pre-train"),
    stride=(Stride.TAMPERING,),
    atlas=("AML.T0018", "AML.T0018.000"),
    attack=("T1565",),
)
