"""Known flaws of the accelerator's firmware, alone or with its board's bundle."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.ways import flawed, undecided

PRODUCTS = ("vbios", "hgx-bundle")
ASKED = (Atom("asked", "it", Like("advisories/(vbios|hgx-bundle)"), {"answered": True}),)

CHECK = Check(
    id="RF-G12",
    name="gpu_firmware_flaws",
    title="No known flaw in the firmware of accelerators and their boards",
    layer=Layer.FIRMWARE,
    each=(
        When(
            (Atom("runs_firmware", "it", "firmware", {"name": Like("(?!AMD).{0,200} vbios")}),), kinds={"it": ("gpu",)}
        ),
        When((Atom("asked", "it", Is("advisories/vbios")),)),
        When((Atom("asked", "it", Is("advisories/hgx-bundle")),)),
    ),
    fails=(flawed(PRODUCTS, "a bulletin names this firmware as affected"),),
    rests=(When(ASKED, "the bulletins were held against the version that the bulletins count in"),),
    doubts=(undecided(PRODUCTS),),
    why="Bulletins count in versions of the board's bundle while the accelerator shows its own: only Redfish's "
    "inventory tells both, and a scan by nvidia-smi alone sees nothing.",
    remedy="Update the HGX or DGX bundle through the board's controller; capture Redfish's FirmwareInventory.",
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SI-2",), d3fend=("D3-SU",)),
    source="NVIDIA's security bulletins (CSAF), read at run time",
)
