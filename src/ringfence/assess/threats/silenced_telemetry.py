"""Telemetry is silenced, forged or flooded."""

from ringfence.analyse.rule import Atom
from ringfence.assess.check import When
from ringfence.assess.conditions import PROVEN, WITHOUT_PROOF
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T22",
    name="silenced_telemetry",
    each=(When((Atom("has_gpu", "it", "gpu"),)), When((Atom("watched_by", "it", "server"),), kinds={"it": ("host",)})),
    ways=(
        Way(
            "nobody watches it, or its watch can be silenced",
            opens=(),
            reach=("server#admin",),
            by=(Atom("watched_by", "it", "server"),),
            shut=(
                Control(
                    "it reports to a server that nobody comes to administer",
                    (When((Atom("watched_by", "it", "server"),), "it reports to a server"),),
                    ("AML.M0024",),
                ),
            ),
        ),
        Way(
            "reports can be forged",
            opens=(
                When(
                    (Atom("watched_by", "it", "server"), Atom("authenticates", "server", WITHOUT_PROOF)),
                    "its server takes reports from everybody",
                ),
            ),
            shut=(
                Control(
                    "its server takes reports that prove their sender",
                    (
                        When(
                            (Atom("watched_by", "it", "server"), Atom("authenticates", "server", PROVEN)),
                            "its server asks for proof",
                        ),
                    ),
                    ("AML.M0024",),
                    d3fend=("D3-MAN",),
                ),
            ),
        ),
    ),
    why="Who silences the agent, or drowns it, is not seen doing the rest.",
    remedy=(
        "Agents with enrolled keys over mutual TLS, counted sequence numbers, and a server that no job's "
        "network reaches."
    ),
    phases=("ingest", "pre-train", "checkpoint", "evaluate", "export"),
    stride=(Stride.REPUDIATION,),
    attack=("T1070",),
)
