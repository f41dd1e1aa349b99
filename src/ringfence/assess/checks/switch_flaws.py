"""Known flaws of switch systems."""

from ringfence.analyse.rule import Atom, Match, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.ways import flawed, held_against, undecided

PRODUCT = "switch-os"
ASKED, RESTS = held_against(PRODUCT)
ADMIN: dict[str, Match] = {"verdict": "affected", "product": PRODUCT, "gives": "admin"}

CHECK = Check(
    id="RF-F08",
    name="switch_flaws",
    title="No known flaw in the systems of switches and fabric managers",
    layer=Layer.FABRIC,
    each=(When((Atom("runs_software", "it", "package"),), kinds={"it": ("switch",)}), ASKED),
    fails=(
        When(
            (Atom("vulnerable_to", "it", Prefix("CVE-"), ADMIN),), "a flaw gives its administration", opens=("admin",)
        ),
        flawed(PRODUCT, "a bulletin names this version as affected"),
        flawed(PRODUCT, "bulletins do not name its release any more", "unsupported branch"),
    ),
    rests=(RESTS,),
    doubts=(undecided(PRODUCT),),
    why="A switch carries every tenant: who administers it sends in all of their networks.",
    remedy="Update Onyx, MLNX-OS, Cumulus, NVOS or UFM to the release that the bulletin names.",
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SI-2",), d3fend=("D3-SU",)),
    source="NVIDIA's security bulletins (CSAF), read at run time",
)
