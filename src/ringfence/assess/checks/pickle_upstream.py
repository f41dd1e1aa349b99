"""No pickle stands upstream of a model."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.seen import DATA, FOLDERS, PLAIN

_UPSTREAM = Atom("trained_from", "made", "it")

CHECK = Check(
    id="RF-D12",
    name="pickle_upstream",
    title="No pickle stands upstream of a model",
    layer=Layer.WORKFLOW,
    each=(When((_UPSTREAM,), kinds=DATA),),
    fails=(
        When(
            (_UPSTREAM, Atom("has_format", "it", Is("pickle")), Atom("reads", "work", "it")),
            "what made a model from it ran what it holds, and which work that was is known",
            opens=("work#code", "made#write"),
        ),
        When(
            (_UPSTREAM, Atom("has_format", "it", Is("pickle"))),
            "what made a model from it ran what it holds",
        ),
    ),
    rests=(FOLDERS, When((Atom("has_format", "it", PLAIN),), "it is kept as plain data")),
    why="Code in a source runs with the rights of the training job, which writes the weights: the flaw of one "
    "dataset is "
    "in every model made from it.",
    remedy="Convert sources to parquet, arrow or safetensors in a job without credentials, and train from the result.",
    opens=("made#write",),
    weight=6,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("SI-7", "SI-10"), atlas=("AML.T0010.002", "AML.T0011.000"), d3fend=("D3-CFC",)),
    source="MITRE ATLAS, Unsafe AI Artifacts",
)
