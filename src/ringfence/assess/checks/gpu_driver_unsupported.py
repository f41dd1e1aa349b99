"""Driver branches for which no fix will come."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.ways import flawed, held_against, undecided

PRODUCT = "gpu-driver"
ASKED, RESTS = held_against(PRODUCT)

CHECK = Check(
    id="RF-G02",
    name="gpu_driver_unsupported",
    title="The driver's branch still gets fixes",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("runs_software", "it", Is("package:nvidia-driver")),)), ASKED),
    fails=(flawed(PRODUCT, "bulletins name newer branches and leave this one out", "unsupported branch"),),
    rests=(RESTS,),
    doubts=(undecided(PRODUCT),),
    why="A branch that is out of support is not named in later bulletins, so a scan by version calls it clean "
    "while flaws of its newer sisters stay open in it.",
    remedy="Move to a branch that bulletins still name: long-term support for production, and plan its end.",
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SA-22",), d3fend=("D3-SU",)),
    source="NVIDIA's security bulletins (CSAF), read at run time",
)
