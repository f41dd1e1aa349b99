"""Memory of the other accelerators of an NVLink domain is mapped."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M077",
    name="nvlink_peer",
    function=True,
    title="Memory of the other accelerators of an NVLink domain is mapped",
    gives="accelerator memory of other hosts; no shell there",
    rules=(
        Rule(start=(At("domain", "export"),), to=At("gpu", "memory"), facts=(Atom("nvlink_member", "gpu", "domain"),)),
    ),
    minutes=Minutes(10, 120, "estimate: import a fabric handle per peer"),
    why="Inside one partition every accelerator can address every other; the hardware asks only for the partition.",
    end="Split the domain into partitions, one per tenant; close the IMEX path between tenants.",
    atlas=("AML.T0035",),
)
