"""Models and checkpoints are changed by their owner alone."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of
from ringfence.assess.seen import FOLDERS, GROUP
from ringfence.estate.kinds import EVERYONE

_STATE = Atom("checkpoint_of", "it", "model")
_BOTH = ("write", "model#write")

CHECK = Check(
    id="RF-D17",
    name="weights_writable",
    title="Models and checkpoints are changed by their owner alone",
    layer=Layer.STORAGE,
    each=(all_of("model", "checkpoint"),),
    fails=(
        When(
            (_STATE, Atom("writable_by", "it", Is(EVERYONE))),
            "every account that reaches the storage may change it, and training resumes from it",
            opens=_BOTH,
        ),
        When(
            (_STATE, Atom("writable_by", "it", GROUP)),
            "a whole group may change it, and training resumes from it",
            opens=_BOTH,
        ),
        When((Atom("writable_by", "it", Is(EVERYONE)),), "every account that reaches the storage may change it"),
        When((Atom("writable_by", "it", GROUP),), "a whole group may change it"),
    ),
    rests=(FOLDERS,),
    why="A run that resumes believes its checkpoint: tensors changed between two steps become the model, and the "
    "loss "
    "curve does not tell.",
    remedy="chmod -R go-w; write checkpoints under a name of their own and make them read-only when they are closed; "
    "check a digest before resuming.",
    opens=("write",),
    weight=8,
    mismatch=Mismatch.STATE,
    window=("the checkpoint is closed", "the last resume from it"),
    refs=Refs(nist=("AC-3", "SI-7"), atlas=("AML.T0018",), d3fend=("D3-LFP",)),
    source="MITRE ATLAS, Manipulate AI Model",
)
