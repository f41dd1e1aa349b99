"""Processes on AMD accelerators leave nothing to one another."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.ways import HOST_OF_GPU

CHECK = Check(
    id="RF-G14",
    name="amd_isolation",
    title="AMD accelerators isolate processes from one another",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("setting", "it", Is("vendor=amd")),)),),
    fails=(When((Atom("setting", "it", Is("process_isolation=off")),), "process isolation is off"),),
    rests=(
        asked_of("gpu", "host", HOST_OF_GPU),
        When((Atom("setting", "it", Is("process_isolation=on")),), "process isolation is on"),
    ),
    why="Without it the driver does not clear local memory and registers between processes: the next one reads "
    "what the last left, answers of a language model included.",
    remedy="amd-smi set --process-isolation 1, and amd-smi reset --clean-local-data in the epilog.",
    opens=("observe",),
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    window=("a process's last kernel", "the next process's first kernel"),
    refs=Refs(nist=("SC-39",), atlas=("AML.T0057",), cve=("CVE-2023-4969",)),
    source="LeftoverLocals (CVE-2023-4969); amd-smi, process isolation",
)
