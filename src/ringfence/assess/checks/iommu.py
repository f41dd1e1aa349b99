"""Devices reach only the memory that they were given."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

CHECK = Check(
    id="RF-G19",
    name="iommu",
    title="The IOMMU limits which memory accelerators reach",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("has_gpu", "it", "gpu"),)),),
    fails=(
        When((Atom("setting", "it", Is("iommu=off")),), "the IOMMU is off"),
        When((Atom("setting", "it", Is("iommu=pt")),), "the IOMMU maps one to one: nothing limits a device"),
    ),
    rests=(asked_of("kernel"), When((Atom("setting", "it", Is("iommu=on")),), "the IOMMU translates")),
    why="PCIe devices read and write host memory by themselves: a subverted accelerator, or a part put in "
    "between, rewrites the kernel.",
    remedy="intel_iommu=on or amd_iommu=on with iommu.passthrough=0. On bare metal redirection by ACS slows "
    "GPUDirect between peers: measure before, and accept the risk with a date where speed wins.",
    opens=("root",),
    weight=4,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(attack=("T1068",)),
    source="the kernel's own documentation of iommu parameters",
)
