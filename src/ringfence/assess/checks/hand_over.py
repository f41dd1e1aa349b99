"""What one stage hands to the next is pinned by version or digest."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.seen import LINEAGE

CHECK = Check(
    id="RF-D08",
    name="hand_over",
    title="What one stage hands to the next is pinned by version or digest",
    layer=Layer.WORKFLOW,
    each=(When((Atom("trained_from", "made", "it"),)), When((Atom("setting", "it", Prefix("hand-over=")),))),
    fails=(
        When(
            (Atom("setting", "it", Is("hand-over=unverified")), Atom("trained_from", "made", "it")),
            "its reader names neither version nor digest, and made a model from it",
        ),
        When((Atom("setting", "it", Is("hand-over=unverified")),), "its reader names neither version nor digest"),
    ),
    rests=(LINEAGE, When((Atom("setting", "it", Is("hand-over=pinned")),), "its reader names which bytes it means")),
    why="Between the stage that writes and the stage that reads, minutes or months, a file under the same name may "
    "have become another; only a digest that the reader checks says that it did not.",
    remedy="Write a manifest of digests with each output and check it before the next stage reads; record the "
    "version "
    "in the lineage event (OpenLineage's version facet, MLflow's dataset digest).",
    opens=("made#write",),
    weight=5,
    mismatch=Mismatch.DATA,
    window=("a stage writes its output", "the next stage has read it"),
    refs=Refs(nist=("SI-7",), atlas=("AML.T0010.002", "AML.T0020"), d3fend=("D3-FIM",)),
    source="OpenLineage's dataset version facet; MLflow's dataset digest",
)
