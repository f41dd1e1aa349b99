"""No copy of the same bytes lies behind a wider door."""

from ringfence.analyse.rule import Atom, Differ, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of
from ringfence.assess.seen import FOLDERS
from ringfence.estate.kinds import EVERYONE

_TWIN = (Atom("has_hash", "it", "digest"), Atom("has_hash", "copy", "digest"))
_TWO = (Atom("stored_on", "it", "place"), Atom("stored_on", "it", "other"))
_APART = (Differ("it", "copy"),)
_OPEN = Like(r"public=(read|write)|exported_to=\*")

CHECK = Check(
    id="RF-D11",
    name="wider_door",
    title="No copy of the same bytes lies behind a wider door",
    layer=Layer.STORAGE,
    each=(all_of("model", "checkpoint", "dataset"),),
    fails=(
        When(
            (*_TWIN, Atom("readable_by", "copy", Is(EVERYONE))),
            "everyone may read a copy with the same digest",
            unless=_APART,
            opens=("copy#read",),
        ),
        When(
            (*_TWIN, Atom("stored_on", "copy", "other"), Atom("setting", "other", _OPEN)),
            "a copy with the same digest lies in storage that is open to all",
            unless=_APART,
            opens=("copy#read", "other#read"),
        ),
        When(
            (*_TWO, Atom("setting", "other", _OPEN)),
            "it lies in a second place, which is open to all",
            unless=(Differ("place", "other"),),
            opens=("other#read",),
        ),
    ),
    rests=(FOLDERS, When((Atom("has_hash", "it", "digest"),), "its digest is known, so that copies can be found")),
    doubts=(
        When(
            (*_TWIN, Atom("stored_on", "copy", "other"), Atom("asked", "other", Is("exports"), {"answered": False})),
            "a copy with the same digest lies where nobody showed who may mount it",
            unless=_APART,
        ),
    ),
    why="Controls sit on places and data moves between them: the copy that a colleague put into a bucket or a "
    "scratch "
    "folder is the same model with a wider door.",
    remedy="Remove the copy, or give it the modes and the network of the original; hand out references and digests, "
    "not "
    "copies.",
    weight=8,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("AC-4", "SC-28"), atlas=("AML.T0035",)),
    source="equal digests in bills of material and listings",
)
