"""Lineage says what each model and checkpoint was made from."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of
from ringfence.assess.seen import LINEAGE

CHECK = Check(
    id="RF-D10",
    name="provenance",
    title="Lineage says what each model and checkpoint was made from",
    layer=Layer.WORKFLOW,
    each=(all_of("model", "checkpoint"),),
    fails=(When((Atom("setting", "it", Is("provenance=none")),), "the runs that wrote it name no input"),),
    rests=(LINEAGE, When((Atom("setting", "it", Is("provenance=named")),), "the runs that wrote it name their inputs")),
    why="When a dataset turns out poisoned, only lineage says which models carry it; a model without any may hold "
    "anything, and nobody can tell when to retrain.",
    remedy="Emit lineage from the training job (an OpenLineage event with inputs and outputs, mlflow.log_input), "
    "base "
    "models included, and refuse to promote a model without it.",
    weight=4,
    mismatch=Mismatch.DATA,
    window=("the model is written", "its lineage is recorded"),
    refs=Refs(nist=("SR-3", "CM-8"), atlas=("AML.T0010.003",)),
    source="OpenLineage spec 2-0-2: inputs and outputs of a run",
)
