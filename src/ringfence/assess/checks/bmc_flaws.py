"""Known flaws of the controllers' firmware."""

from ringfence.analyse.rule import Atom, Match, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.ways import flawed, held_against, undecided

PRODUCT = "bmc"
ASKED, RESTS = held_against(PRODUCT)
ADMIN: dict[str, Match] = {"verdict": "affected", "product": PRODUCT, "gives": "admin"}

CHECK = Check(
    id="RF-B01",
    name="bmc_flaws",
    title="No known flaw in the controllers' firmware",
    layer=Layer.FIRMWARE,
    each=(When((Atom("runs_firmware", "it", "firmware"),), kinds={"it": ("bmc",)}), ASKED),
    fails=(
        When(
            (Atom("vulnerable_to", "it", Prefix("CVE-"), ADMIN),), "a flaw gives its administration", opens=("admin",)
        ),
        flawed(PRODUCT, "a bulletin names this version as affected"),
        flawed(PRODUCT, "bulletins do not name its release any more", "unsupported branch"),
    ),
    rests=(RESTS,),
    doubts=(undecided(PRODUCT),),
    why="Controllers are patched rarely and a fleet shares one version: an authentication bypass in one is one in "
    "all, and it can brick the machine.",
    remedy="Update the controllers with the machines; keep their network closed meanwhile.",
    weight=9,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SI-2",), attack=("T1190",), d3fend=("D3-SU",), cve=("CVE-2024-54085",)),
    source="CISA's catalog of known exploited vulnerabilities; the makers' bulletins, read at run time",
)
