"""Known ways out of a container through the toolkit that gives it accelerators."""

from ringfence.analyse.rule import Atom, Like, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.ways import flawed, held_against, undecided

PRODUCT = "container-toolkit"
ASKED, RESTS = held_against(PRODUCT)
PACKAGE = Like("package:(deb/|rpm/|generic/)?nvidia-container-toolkit(-base)?")

CHECK = Check(
    id="RF-G10",
    name="container_toolkit_flaws",
    title="No known way out of a container through the toolkit",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("runs_software", "it", PACKAGE),)), ASKED),
    fails=(
        When(
            (Atom("vulnerable_to", "it", Prefix("CVE-"), {"gives": "container-escape"}),),
            "an image can get out to its host",
            kinds={"it": ("host",)},
            opens=("root",),
        ),
        flawed(PRODUCT, "a bulletin names this version as affected"),
    ),
    rests=(RESTS,),
    doubts=(undecided(PRODUCT),),
    why="The toolkit prepares each container as root and trusts what the image brings: whoever chooses the image "
    "has the host.",
    remedy="Update to 1.17.8 or later; until then disable the enable-cuda-compat hook and start only "
    "images of your own registry. CDI mode is no way round: CVE-2025-23266 is there up to 1.17.7.",
    weight=9,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(
        nist=("SI-2",),
        atlas=("AML.T0105",),
        attack=("T1611",),
        d3fend=("D3-SU",),
        cve=("CVE-2025-23266", "CVE-2024-0132", "CVE-2025-23359"),
    ),
    source="NVIDIA's security bulletins (CSAF), read at run time",
)
