"""Known flaws of the accelerator's driver."""

from ringfence.analyse.rule import Atom, Is, Match, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.ways import flawed, held_against, undecided

PRODUCT = "gpu-driver"
ASKED, RESTS = held_against(PRODUCT)
ROOT: dict[str, Match] = {"verdict": "affected", "product": PRODUCT, "gives": "root"}

CHECK = Check(
    id="RF-G01",
    name="gpu_driver_flaws",
    title="No known flaw in the accelerator's driver",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("runs_software", "it", Is("package:nvidia-driver")),)), ASKED),
    fails=(
        When((Atom("vulnerable_to", "it", Prefix("CVE-"), ROOT),), "a flaw of the driver gives root", opens=("root",)),
        flawed(PRODUCT, "a bulletin names this version of the driver's branch as affected"),
    ),
    rests=(RESTS,),
    doubts=(
        undecided(PRODUCT),
        flawed(PRODUCT, "later bulletins do not name the branch of the driver any more", "unsupported branch"),
    ),
    why="The driver runs in the kernel and takes requests from every job: its flaws are the shortest way out of one.",
    remedy="Update the driver within its branch to the version that the bulletin names, and reboot or reload it.",
    weight=8,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SI-2",), d3fend=("D3-SU",)),
    source="NVIDIA's security bulletins (CSAF), read at run time",
)
