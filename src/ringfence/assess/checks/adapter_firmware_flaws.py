"""Known flaws of the fabric adapters' firmware."""

from ringfence.analyse.rule import Atom
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.ways import flawed, held_against, undecided

PRODUCT = "connectx"
ASKED, RESTS = held_against(PRODUCT)

CHECK = Check(
    id="RF-F05",
    name="adapter_firmware_flaws",
    title="No known flaw in the firmware of fabric adapters",
    layer=Layer.FABRIC,
    each=(When((Atom("runs_firmware", "it", "firmware"),), kinds={"it": ("ibport",)}), ASKED),
    fails=(
        flawed(PRODUCT, "a bulletin names this version of the firmware's train as affected"),
        flawed(PRODUCT, "bulletins do not name its train any more", "unsupported branch"),
    ),
    rests=(RESTS,),
    doubts=(undecided(PRODUCT),),
    why="The adapter puts packets on the wire below every firewall of its host; bulletins leave the device out of "
    "the version and count by train, so that a plain comparison is wrong.",
    remedy="Update to the fixed version of the same long-term train (mlxfwmanager), and reset the adapter.",
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SI-2",), d3fend=("D3-SU",)),
    source="NVIDIA's security bulletins (CSAF), read at run time",
)
