"""Weights and checkpoints are read by their owner, not by a group or by everyone."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of
from ringfence.assess.seen import FOLDERS, GROUP
from ringfence.estate.kinds import EVERYONE

CHECK = Check(
    id="RF-D03",
    name="weights_readable",
    title="Weights and checkpoints are read by their owner, not by a group or by everyone",
    layer=Layer.STORAGE,
    each=(all_of("model", "checkpoint"),),
    fails=(
        When((Atom("readable_by", "it", Is(EVERYONE)),), "every account that reaches the storage may read it"),
        When((Atom("readable_by", "it", GROUP),), "a whole group may read it"),
    ),
    rests=(FOLDERS,),
    why="A checkpoint is the model: each account that may read it is one more that can carry it off, and a "
    "checkpoint "
    "outlives the job that wrote it.",
    remedy="chmod 0700 the folder and 0600 the files, umask 077 in the training job, and an ACL for the serving "
    "identity alone.",
    opens=("read",),
    weight=7,
    mismatch=Mismatch.STATE,
    window=("the checkpoint is written", "it is deleted or its mode narrowed"),
    refs=Refs(nist=("AC-3", "AC-6"), atlas=("AML.T0035",), d3fend=("D3-LFP",)),
    source="RAND RR-A2849-1: fewer people with access to weights",
)
