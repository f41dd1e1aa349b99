"""Datasets are changed by the identity that prepares them, and by nobody of another tenant."""

from ringfence.analyse.rule import Atom, Differ, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of
from ringfence.assess.seen import FOLDERS, GROUP
from ringfence.estate.kinds import EVERYONE

CHECK = Check(
    id="RF-D05",
    name="dataset_writers",
    title="Datasets are changed by the identity that prepares them, and by nobody of another tenant",
    layer=Layer.STORAGE,
    each=(all_of("dataset"),),
    fails=(
        When((Atom("writable_by", "it", Is(EVERYONE)),), "every account that reaches the storage may change it"),
        When((Atom("writable_by", "it", GROUP),), "a whole group may change it"),
        When(
            (
                Atom("writable_by", "it", "writer"),
                Atom("in_tenant", "writer", "theirs"),
                Atom("in_tenant", "it", "ours"),
            ),
            "an account of another tenant may change it",
            unless=(Differ("theirs", "ours"),),
        ),
    ),
    rests=(FOLDERS,),
    why="A few hundred planted documents are enough to put a trigger into a large model, and no weight shows it: "
    "who may "
    "write the data may write the model.",
    remedy="chmod -R go-w the dataset; let one ingesting identity own it; mount it read-only for training jobs.",
    opens=("write",),
    weight=8,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("AC-3", "AC-6", "SI-7"), atlas=("AML.T0020",), d3fend=("D3-LFP",)),
    source="MITRE ATLAS, Poison Training Data",
)
