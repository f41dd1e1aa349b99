"""A subverted accelerator writes to its host's memory."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M083",
    name="peer_dma",
    title="A subverted accelerator writes to its host's memory",
    gives="code as the superuser of the host, by changing its kernel in memory",
    rules=(
        Rule(
            start=(At("gpu", "admin"),),
            to=At("host", "root"),
            facts=(
                Atom("has_gpu", "host", "gpu"),
                Atom("setting", "host", Is("iommu=off")),
            ),
        ),
        Rule(
            start=(At("gpu", "admin"),),
            to=At("host", "root"),
            facts=(
                Atom("has_gpu", "host", "gpu"),
                Atom("setting", "host", Is("iommu=pt")),
            ),
        ),
    ),
    minutes=Minutes(30, 480, "estimate: find the kernel in physical memory, then change it"),
    why="PCIe devices read and write host memory by themselves; with the IOMMU off, or mapping it one to one, nothing limits where.",
    end="intel_iommu=on or amd_iommu=on with iommu.passthrough=0, and ACS on the PCIe switches.",
    attack=("T1068",),
)
