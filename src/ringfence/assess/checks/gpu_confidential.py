"""Confidential computing is on where it is declared."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, When, asked_of
from ringfence.assess.ways import HOST_OF_GPU
from ringfence.estate.facts import Fact

OFF = Atom("setting", "it", Is("cc_mode=off"))
DECLARED = Is("confidential=required")

CHECK = Check(
    id="RF-G09",
    name="gpu_confidential",
    title="Accelerators declared confidential have confidential computing on",
    layer=Layer.ACCELERATOR,
    each=(
        When((Atom("labelled", "it", DECLARED),), kinds={"it": ("gpu",)}),
        When((Atom("labelled", "host", DECLARED), Atom("has_gpu", "host", "it"))),
        When((Atom("setting", "it", Is("cc_mode=on")),)),
    ),
    fails=(
        When((Atom("labelled", "it", DECLARED), OFF), "declared confidential, and the mode is off"),
        When(
            (Atom("labelled", "host", DECLARED), Atom("has_gpu", "host", "it"), OFF),
            "its host is declared confidential, and the mode is off",
        ),
        When((Atom("setting", "it", Is("cc_mode=on")), OFF), "two sources contradict each other on the mode"),
    ),
    rests=(
        asked_of("gpu", "host", HOST_OF_GPU),
        When((Atom("setting", "it", Is("cc_mode=on")),), "confidential computing is on"),
    ),
    why="A tenant who was promised memory that the operator cannot read gets it only where the mode is on.",
    remedy="nvidia-smi conf-compute -srs 1 before work starts, and admit work only after attestation. What needs it "
    "is declared by the label `confidential=required` of an accelerator or a host.",
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    source="NVIDIA's guide to confidential computing, device modes",
    by_hand=(Fact("host:NAME", "labelled", "confidential=required"),),
)
