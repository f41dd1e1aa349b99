"""Firmware or a management controller is subverted."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When, asked_of
from ringfence.assess.conditions import PROVEN
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T12",
    name="firmware",
    each=(When((Atom("managed_by", "host", "it"),)),),
    ways=(
        Way(
            "its firmware has a known flaw, or it asks nobody who they are",
            opens=(
                When((Atom("vulnerable_to", "it", "flaw"),), "it has a known flaw"),
                When(
                    (Atom("authenticates", "it", Like("none|default-password")),), "it takes callers without real proof"
                ),
                When((Atom("setting", "it", Is("host_interface=no-auth")),), "its host commands it without proof"),
            ),
            shut=(
                Control(
                    "it asks for proof, and its firmware is known",
                    (
                        asked_of("redfish"),
                        When((Atom("authenticates", "it", PROVEN),), "it asks callers for proof"),
                        When((Atom("runs_firmware", "it", "firmware"),), "its firmware's version is known"),
                    ),
                ),
            ),
        ),
        Way(
            "an attacker comes to administer it",
            opens=(),
            reach=("it#admin",),
            shut=(
                Control(
                    "nobody comes to it; its networks are known",
                    (asked_of("redfish"), When((Atom("attached_to", "it", "net"),), "its networks are known")),
                ),
            ),
        ),
        Way(
            "its host boots what nobody signed",
            opens=(
                When(
                    (Atom("managed_by", "host", "it"), Atom("setting", "host", Is("secure_boot=off"))),
                    "secure boot is off",
                ),
            ),
            shut=(
                Control(
                    "its host boots signed code only",
                    (
                        asked_of("redfish"),
                        When(
                            (Atom("managed_by", "host", "it"), Atom("setting", "host", Is("secure_boot=on"))),
                            "secure boot is on",
                        ),
                    ),
                    d3fend=("D3-BA",),
                ),
            ),
        ),
    ),
    why="The controller is below the operating system: it rewrites firmware, mounts media and outlives a new disk.",
    remedy="Update it, keep its network to administrators, give it its own password, and turn secure boot on.",
    phases=("ingest", "pre-train", "checkpoint", "evaluate", "export"),
    stride=(Stride.TAMPERING, Stride.ELEVATION),
    atlas=("AML.T0010.000",),
    attack=("T1542",),
)
