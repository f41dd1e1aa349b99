"""Errors in the accelerator's memory are corrected."""

from ringfence.analyse.rule import Atom, Differ, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.ways import HOST_OF_GPU, WHOLE_GPU

OFF = Atom("setting", "it", Is("ecc=off"))

CHECK = Check(
    id="RF-G03",
    name="gpu_ecc",
    title="The accelerator corrects errors of its memory",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("has_gpu", "host", "it", WHOLE_GPU),)),),
    fails=(
        When(
            (
                OFF,
                Atom("setting", "it", Is("memory_type=gddr6")),
                Atom("uses_gpu", "one", "it"),
                Atom("uses_gpu", "other", "it"),
            ),
            "two works share GDDR6 memory that nothing corrects: one can flip bits of the other",
            (Differ("one", "other"),),
            opens=("write",),
        ),
        When((OFF,), "ECC is off: a flipped bit stays", opens=()),
    ),
    rests=(
        asked_of("gpu", "host", HOST_OF_GPU),
        When((Atom("setting", "it", Is("ecc=on")),), "ECC is on"),
    ),
    why="A bit that flips in a weight's exponent ruins a model, by chance or by a neighbour who hammers rows of GDDR6.",
    remedy="nvidia-smi -e 1 and a reset of the accelerator; it costs some memory and at most a tenth of the speed.",
    weight=5,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(atlas=("AML.T0031",)),
    source="GPUHammer (2025): bit flips in GDDR6 of a shared accelerator with ECC off",
)
