"""A part put in between two surveys reads its machine's memory."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M125",
    name="swapped_part",
    title="A part put in between two surveys reads its machine's memory",
    gives="the machine, from below its system",
    rules=(
        Rule(
            start=(At("part", "admin"),),
            to=At("host", "root"),
            facts=(Atom("changed_part", "host", "part", {"dma": True}),),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(
        1, 60, "estimate: direct memory access by a part prepared beforehand; the handling itself not counted"
    ),
    why="A device on PCI Express can read and write memory where the IOMMU lets it; nobody ordered the exchange, so nobody knows what it is.",
    end="Compare serials after every maintenance, require signed firmware and SPDM attestation of parts, switch the IOMMU on before the system starts.",
    attack=("T1200",),
    atlas=("AML.T0010",),
)
