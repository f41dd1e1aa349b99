"""Two jobs compute through one MPS server."""

from ringfence.analyse.rule import At, Atom, Differ, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M072",
    name="mps_shared",
    title="Two jobs compute through one MPS server",
    gives="timing of kernels that run side by side, and the power to end them by a fault; up to Pascal the other's memory too",
    rules=(
        Rule(
            start=(At("mine", "code"),),
            to=At("gpu", "memory"),
            facts=(
                Atom("uses_gpu", "mine", "gpu"),
                Atom("uses_gpu", "theirs", "gpu"),
                Atom("setting", "gpu", Is("mps=on")),
                Atom("setting", "gpu", Is("architecture=Pascal")),
            ),
            unless=(Differ("mine", "theirs"),),
        ),
        Rule(
            start=(At("mine", "code"),),
            to=At("gpu", "observe"),
            facts=(
                Atom("uses_gpu", "mine", "gpu"),
                Atom("uses_gpu", "theirs", "gpu"),
                Atom("setting", "gpu", Is("mps=on")),
            ),
            unless=(Differ("mine", "theirs"),),
        ),
    ),
    minutes=Minutes(
        10, 240, "estimate: contention is finer than under time slicing, since kernels run at the same time"
    ),
    why="MPS merges its clients into one context. Up to Pascal they share one address space; since Volta they have their own, but a fatal fault of one ends all, and caches are shared.",
    end="One MPS server per tenant, never one across tenants; MIG where the accelerator has it.",
)
