"""Images on shared file systems are changed by their builder alone."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.seen import FOLDERS, GROUP
from ringfence.estate.kinds import EVERYONE

_IMAGE: dict[str, tuple[str, ...]] = {"it": ("image",)}
_USED = Atom("uses_image", "work", "it")
_BOTH = ("write", "work#code")

CHECK = Check(
    id="RF-D18",
    name="image_writable",
    title="Images on shared file systems are changed by their builder alone",
    layer=Layer.WORKFLOW,
    each=(When((Atom("stored_on", "it", "storage"),), kinds=_IMAGE),),
    fails=(
        When((Atom("writable_by", "it", Is(EVERYONE)), _USED), "work starts from what anyone may change", opens=_BOTH),
        When((Atom("writable_by", "it", GROUP), _USED), "work starts from what a group may change", opens=_BOTH),
        When((Atom("writable_by", "it", Is(EVERYONE)),), "every account that reaches the storage may change it"),
        When((Atom("writable_by", "it", GROUP),), "a whole group may change it"),
    ),
    rests=(FOLDERS,),
    why="A squashed image has no registry and no signature: whoever may write the file is in every job that starts "
    "from "
    "it, on all its nodes.",
    remedy="One owner for the folder of images, mode 0755 and 0644; let the build write there and nobody else.",
    opens=("write",),
    weight=7,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("AC-3", "SI-7", "SR-11"), atlas=("AML.T0010.001",), d3fend=("D3-LFP",)),
    source="modes of the listed files and of the folders above them",
)
