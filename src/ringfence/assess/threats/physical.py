"""Somebody opens the chassis or the cabling."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When, asked_of
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T13",
    name="physical",
    each=(
        When((Atom("managed_by", "it", "bmc"),)),
        When((Atom("has_gpu", "it", "gpu"),)),
        When((Atom("tampered", "it", "how"),)),
    ),
    ways=(
        Way(
            "a sensor or the fabric says so",
            opens=(
                When((Atom("tampered", "it", Is("chassis-open")),), "its chassis was opened"),
                When((Atom("tampered", "it", Is("cable-moved")),), "a cable was moved"),
            ),
            shut=(
                Control(
                    "its intrusion sensor is normal",
                    (
                        asked_of("redfish"),
                        When(
                            (Atom("setting", "it", Like("intrusion_sensor=[Nn]ormal")),),
                            "its intrusion sensor is normal",
                        ),
                    ),
                ),
            ),
        ),
    ),
    why="Whoever is in the rack takes a disk, taps a cable or plugs in a card, and no log of the node tells.",
    remedy="Arm and read the intrusion sensors, compare cabling with the plan, lock racks that hold weights.",
    phases=("ingest", "pre-train", "checkpoint", "evaluate", "export"),
    stride=(Stride.TAMPERING, Stride.DISCLOSURE),
    atlas=("AML.T0041",),
    attack=("T1200",),
)
