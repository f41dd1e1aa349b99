"""Two jobs take turns on one accelerator."""

from ringfence.analyse.rule import At, Atom, Differ, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M071",
    name="shared_gpu",
    title="Two jobs take turns on one accelerator",
    gives="timing and load of the other job's kernels; its memory stays closed",
    rules=(
        Rule(
            start=(At("mine", "code"),),
            to=At("gpu", "observe"),
            facts=(
                Atom("uses_gpu", "mine", "gpu"),
                Atom("uses_gpu", "theirs", "gpu"),
            ),
            unless=(Differ("mine", "theirs"),),
        ),
        Rule(
            start=(At("host", "user"),),
            to=At("gpu", "observe"),
            facts=(
                Atom("device_open", "host", Is("gpu")),
                Atom("has_gpu", "host", "gpu"),
                Atom("uses_gpu", "theirs", "gpu"),
            ),
        ),
    ),
    minutes=Minutes(30, 600, "estimate: sampling the contention over hours of a run"),
    why="Time slicing gives each process an address space of its own but one set of caches and engines: contention tells when the other computes, and on what sizes.",
    end="One tenant per accelerator: no time slicing or shards across tenants, ConstrainDevices=yes, compute mode EXCLUSIVE_PROCESS.",
)
