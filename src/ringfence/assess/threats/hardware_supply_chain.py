"""A part is swapped or implanted in the supply chain."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When, asked_of
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T11",
    name="hardware_supply_chain",
    each=(When((Atom("has_gpu", "it", "gpu"),)), When((Atom("has_component", "it", "part"),), kinds={"it": ("host",)})),
    ways=(
        Way(
            "a part is not the one that was there",
            opens=(
                When((Atom("changed_part", "it", "part"),), "a part changed since the last survey"),
                When((Atom("tampered", "it", Is("integrity-failed")),), "a part does not prove what it is"),
            ),
            shut=(
                Control(
                    "its parts prove what they are",
                    (
                        asked_of("redfish"),
                        When(
                            (Atom("setting", "it", Like("integrity/.*=(Success|success|valid)")),),
                            "a part's proof was good",
                        ),
                        When((Atom("has_component", "it", "part"),), "its parts are known by serial"),
                    ),
                ),
            ),
        ),
    ),
    why="A card with bus mastering reads and writes all memory of its host, whatever the software says.",
    remedy="Keep an inventory by serial, verify SPDM measurements at each boot, and hold a node whose parts changed.",
    phases=("ingest", "pre-train", "checkpoint", "evaluate", "export"),
    stride=(Stride.TAMPERING, Stride.SPOOFING),
    atlas=("AML.T0010.000",),
    attack=("T1200", "T1195"),
)
