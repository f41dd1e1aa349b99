"""On-chip memory of the last kernel is read."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M081",
    name="amd_leftoverlocals",
    title="On-chip memory of the last kernel is read",
    gives="what the previous kernel left in local memory and registers: language-model answers were recovered so; not the accelerator's main memory",
    rules=(
        Rule(
            start=(At("gpu", "context"),),
            to=At("gpu", "observe"),
            facts=(
                Atom("setting", "gpu", Is("vendor=amd")),
                Atom("setting", "gpu", Is("process_isolation=off")),
            ),
        ),
    ),
    minutes=Minutes(10, 120, "estimate: a kernel that dumps uninitialised local memory, run again and again"),
    why="Without process isolation the driver does not clear local memory and registers between processes (LeftoverLocals).",
    end="amd-smi set --process-isolation 1, and amd-smi reset --clean-local-data in the epilog.",
    atlas=("AML.T0057",),
)
