"""No chassis reports that it was opened."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

CHECK = Check(
    id="RF-B10",
    name="chassis_closed",
    title="No chassis reports that it was opened",
    layer=Layer.FIRMWARE,
    each=(
        When((Atom("managed_by", "it", "bmc"),)),
        When((Atom("setting", "it", Prefix("intrusion_sensor=")),)),
        When((Atom("tampered", "it", Is("chassis-open")),)),
    ),
    fails=(When((Atom("tampered", "it", Is("chassis-open")),), "the intrusion sensor reports an opened chassis"),),
    rests=(
        asked_of("redfish"),
        When((Atom("setting", "it", Is("intrusion_sensor=Normal")),), "the intrusion sensor is there, and quiet"),
    ),
    why="Accelerators are worth more than the machine around them; an open chassis means a part taken, put in or "
    "tapped.",
    remedy="Find who opened it and why, compare the serials with the last survey, attest the parts, then re-arm the "
    "sensor.",
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SR-9",), attack=("T1200",)),
    source="Redfish's Chassis, PhysicalSecurity",
)
