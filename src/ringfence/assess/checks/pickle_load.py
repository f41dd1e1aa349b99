"""What jobs load is data, not a pickle that runs what it holds."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of
from ringfence.assess.seen import FOLDERS, PLAIN, WEIGHTS

_PICKLE = Atom("has_format", "it", Is("pickle"))

CHECK = Check(
    id="RF-D04",
    name="pickle_load",
    title="What jobs load is data, not a pickle that runs what it holds",
    layer=Layer.WORKFLOW,
    each=(all_of("model", "checkpoint"),),
    fails=(
        When(
            (_PICKLE, Atom("reads", "work", "it")),
            "it is kept as a pickle: whatever loads it runs what it holds, and work loads it",
            kinds=WEIGHTS,
        ),
        When((_PICKLE,), "it is kept as a pickle: whatever loads it runs what it holds"),
    ),
    rests=(
        FOLDERS,
        When((Atom("has_format", "it", PLAIN),), "it is kept as plain data"),
    ),
    why="Loading a pickle runs the program in it: whoever may change the file, or the one it was made from, has "
    "code in "
    "the job that resumes from it.",
    remedy="Save as safetensors; until then load with weights_only=True, and check the digest before loading.",
    opens=("work#code",),
    weight=7,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("SI-7", "SI-10"), atlas=("AML.T0011.000", "AML.T0018")),
    source="MITRE ATLAS, Unsafe AI Artifacts; Python's pickle manual: never unpickle what could have been tampered "
    "with",
)
