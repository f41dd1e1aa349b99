"""The machine starts only what is signed."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

CHECK = Check(
    id="RF-B06",
    name="secure_boot",
    title="Secure Boot is on",
    layer=Layer.FIRMWARE,
    each=(When((Atom("managed_by", "it", "bmc"),)), When((Atom("setting", "it", Prefix("secure_boot=")),))),
    fails=(When((Atom("setting", "it", Is("secure_boot=off")),), "Secure Boot is off"),),
    rests=(asked_of("redfish"), When((Atom("setting", "it", Is("secure_boot=on")),), "Secure Boot is on")),
    why="Whoever was root once, or holds the controller, starts a kernel or driver of his own that every later "
    "check runs on top of; a driver of accelerators is a module like any other.",
    remedy="Enable Secure Boot, enrol the key that signs the accelerators' modules, and set a password on the "
    "firmware.",
    weight=5,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SI-7",), attack=("T1542",), d3fend=("D3-BA",)),
    source="UEFI specification, Secure Boot; Redfish's SecureBoot",
)
