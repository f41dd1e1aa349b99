"""Performance counters are for administrators."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

CHECK = Check(
    id="RF-G08",
    name="gpu_profiling",
    title="Only administrators read the accelerators' performance counters",
    layer=Layer.ACCELERATOR,
    each=(
        When((Atom("runs_software", "it", Is("package:nvidia-driver")),), kinds={"it": ("host",)}),
        When((Atom("setting", "it", Prefix("profiling=")),)),
    ),
    fails=(
        When(
            (Atom("setting", "it", Is("profiling=all")), Atom("has_gpu", "it", "gpu")),
            "any account may read counters of the whole accelerator",
            opens=("gpu#observe",),
        ),
        When((Atom("setting", "it", Is("profiling=all")),), "RmProfilingAdminOnly is 0", opens=()),
    ),
    rests=(
        asked_of("gpu-params"),
        When((Atom("setting", "it", Is("profiling=admin")),), "RmProfilingAdminOnly is 1"),
    ),
    why="Counters cover the neighbours' work as well and are far sharper than timing.",
    remedy="options nvidia NVreg_RestrictProfilingToAdminUsers=1, and reload the module; profile on whole nodes only.",
    weight=5,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-6",)),
    source="NVIDIA's notice on performance counter permissions; NVBleed for what counters tell",
)
