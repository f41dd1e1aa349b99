"""Known flaws of the operator that manages accelerators in Kubernetes."""

from ringfence.analyse.rule import Atom, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.ways import flawed, held_against, undecided

PRODUCT = "gpu-operator"
ASKED, RESTS = held_against(PRODUCT)

CHECK = Check(
    id="RF-G11",
    name="gpu_operator_flaws",
    title="No known flaw in the GPU operator",
    layer=Layer.ACCELERATOR,
    each=(
        When((Atom("runs_software", "it", Like("package:([a-z]{1,9}/)?gpu-operator")),)),
        When((Atom("runs_software", "it", "package", {"by": "gpu-operator"}),)),
        ASKED,
    ),
    fails=(flawed(PRODUCT, "a bulletin names this version of the operator as affected"),),
    rests=(RESTS,),
    doubts=(undecided(PRODUCT),),
    why="The operator installs driver, toolkit and plugin on every node, and carries their flaws to all of them "
    "at once.",
    remedy="Update to a version above 25.3.1, and let it roll the toolkit out.",
    weight=8,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SI-2",), d3fend=("D3-SU",)),
    source="NVIDIA's security bulletins (CSAF), read at run time",
)
