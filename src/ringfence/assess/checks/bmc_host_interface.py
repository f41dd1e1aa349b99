"""A machine must prove itself to its own controller."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-B03",
    name="bmc_host_interface",
    title="The inside way to the controller is off or asks who calls",
    layer=Layer.FIRMWARE,
    each=(all_of("bmc"),),
    fails=(
        When(
            (Atom("setting", "it", Is("host_interface=no-auth")),),
            "the host interface accepts the machine without authentication",
        ),
        When(
            (Atom("setting", "it", Is("host_interface=bootstrap"), {"role": "Administrator"}),),
            "it hands the machine an account with the administrator's role",
        ),
    ),
    rests=(
        asked_of("redfish"),
        When((Atom("setting", "it", Like("host_interface=(on|off)")),), "its host interface was described"),
    ),
    why="Root of the machine becomes administrator of the controller, which outlives reinstallation and leads to "
    "the network of all controllers.",
    remedy="Disable the host interface, or AuthNone on it, and credential bootstrapping after provisioning.",
    opens=("admin",),
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("CM-7",), attack=("T1542",), d3fend=("D3-ACH",), cve=("CVE-2024-54085",)),
    source="DMTF DSP0270, Redfish host interface",
)
