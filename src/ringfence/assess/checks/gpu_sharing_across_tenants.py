"""No two tenants compute on one accelerator."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.ways import HOST_OF_GPU, WHOLE_GPU, jobs_known, two_tenants

ONE, OTHER = (Atom("uses_gpu", "one", "it"),), (Atom("uses_gpu", "other", "it"),)
PASCAL = (Atom("setting", "it", Is("mps=on")), Atom("setting", "it", Is("architecture=Pascal")))

CHECK = Check(
    id="RF-G07",
    name="gpu_sharing_across_tenants",
    title="No two tenants compute on one accelerator at a time",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("has_gpu", "host", "it", WHOLE_GPU),)), When((Atom("uses_gpu", "work", "it"),))),
    fails=(
        *two_tenants(
            (*PASCAL, *ONE), OTHER, "two tenants share one address space through MPS", opens=("memory", "observe")
        ),
        *two_tenants(ONE, OTHER, "two tenants take turns on this accelerator, or share it through MPS"),
    ),
    rests=(asked_of("gpu", "host", HOST_OF_GPU), jobs_known(HOST_OF_GPU)),
    why="Time slicing and MPS share caches, engines and errors: the neighbour sees when and how much one "
    "computes, and a fault of one ends both.",
    remedy="Whole accelerators per tenant: no shards, MPS or time slicing across tenants; compute mode "
    "EXCLUSIVE_PROCESS.",
    opens=("observe",),
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SC-4",)),
    source="NVIDIA's guide to the multi-process service, on its limits",
)
