"""What a model was made from can be changed by its owner alone."""

from ringfence.analyse.rule import Atom, Differ, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.seen import DATASET, FOLDERS
from ringfence.estate.kinds import EVERYONE

_UPSTREAM = Atom("trained_from", "made", "it")

CHECK = Check(
    id="RF-D07",
    name="upstream_writers",
    title="What a model was made from can be changed by its owner alone",
    layer=Layer.WORKFLOW,
    each=(When((_UPSTREAM,), kinds=DATASET),),
    fails=(
        When(
            (_UPSTREAM, Atom("writable_by", "it", "one"), Atom("writable_by", "it", "other")),
            "more than one account may change what the model is made from",
            unless=(Differ("one", "other"),),
        ),
        When(
            (_UPSTREAM, Atom("writable_by", "it", Is(EVERYONE))),
            "every account may change what the model is made from",
        ),
    ),
    rests=(FOLDERS,),
    why="A model trusts its data across the boundary of accounts: each further writer of a dataset is a writer of "
    "every "
    "model trained from it, whatever the model's own mode says.",
    remedy="Freeze the dataset when it is approved: one owner, no group write, a read-only snapshot for the run.",
    opens=("write", "made#write"),
    weight=8,
    mismatch=Mismatch.DATA,
    window=("the dataset is approved", "the last run that reads it ends"),
    refs=Refs(nist=("AC-3", "SI-7"), atlas=("AML.T0020", "AML.T0010.002"), d3fend=("D3-LFP",)),
    source="MITRE ATLAS, AI Supply Chain Compromise: Data",
)
