"""No artefact holds a program that reaches for the system."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of
from ringfence.assess.seen import FOLDERS, PLAIN

_PROGRAM = Atom("vulnerable_to", "it", Prefix("pickle:"))

CHECK = Check(
    id="RF-D13",
    name="pickle_program",
    title="No artefact holds a program that reaches for the system",
    layer=Layer.WORKFLOW,
    each=(all_of("model", "checkpoint", "dataset"),),
    fails=(
        When((_PROGRAM, Atom("reads", "work", "it")), "it holds a program, and work loads it"),
        When((_PROGRAM,), "it holds a program that reaches for the system"),
        When((Atom("setting", "it", Is("pickle=broken")),), "it is a pickle that was cut or forged"),
    ),
    rests=(FOLDERS, When((Atom("has_format", "it", PLAIN),), "it is kept as plain data")),
    doubts=(When((Atom("has_format", "it", Is("pickle")),), "it holds a pickle, of which not every file was scanned"),),
    why="This is no weakness but its use: a pickle that imports os, subprocess or eval is an attack that waits to be "
    "loaded.",
    remedy="Do not load it. Keep it as evidence, find who wrote it and who has read it, and restore from a known "
    "digest.",
    opens=("work#code",),
    weight=10,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("SI-3", "SI-7"), atlas=("AML.T0011.000", "AML.T0010.003")),
    source="the imports that the pickle itself names",
)
