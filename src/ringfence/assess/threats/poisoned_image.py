"""A poisoned image or package runs in a job."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import When
from ringfence.assess.conditions import PROVEN, WITHOUT_PROOF
from ringfence.assess.threat import Control, Stride, Threat, Way
from ringfence.estate.kinds import EVERYONE

THREAT = Threat(
    id="RF.T08",
    name="poisoned_image",
    each=(When((Atom("uses_image", "work", "it"),)),),
    ways=(
        Way(
            "others push to where it comes from",
            opens=(
                When(
                    (Atom("pulled_from", "it", "registry"), Atom("authenticates", "registry", WITHOUT_PROOF)),
                    "its registry takes pushes from everybody",
                ),
                When((Atom("writable_by", "it", Is(EVERYONE)),), "every account may replace it"),
            ),
            reach=("it#write",),
            shut=(
                Control(
                    "its registry asks for proof, and nobody comes to change it",
                    (
                        When(
                            (Atom("pulled_from", "it", "registry"), Atom("authenticates", "registry", PROVEN)),
                            "its registry asks for proof",
                        ),
                    ),
                    ("AML.M0013",),
                ),
            ),
        ),
        Way(
            "a known flaw is in it, or it changes under its name",
            opens=(
                When((Atom("vulnerable_to", "it", "flaw"),), "it has a known flaw"),
                When(
                    (Atom("contains_package", "it", "package"), Atom("vulnerable_to", "package", "flaw")),
                    "a package in it has a known flaw",
                ),
            ),
            shut=(
                Control(
                    "its digest is known, so that it is the same each time",
                    (When((Atom("has_hash", "it", "digest"),), "its digest is known"),),
                    ("AML.M0014",),
                ),
            ),
        ),
    ),
    why="A job runs what its image says, as its user, beside the weights. A tag can mean another image tomorrow.",
    remedy="Name images by digest, let build identities alone push, and scan what is in them.",
    phases=("ingest", "pre-train", "evaluate", "export"),
    stride=(Stride.TAMPERING, Stride.ELEVATION),
    atlas=("AML.T0010", "AML.T0010.004", "AML.T0011.001"),
    attack=("T1525", "T1195"),
)
