"""Performance counters are open to every account."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M079",
    name="profiling_counters",
    title="Performance counters are open to every account",
    gives="hardware counters of the accelerator, the neighbours' work included; not its memory",
    rules=(
        Rule(
            start=(At("gpu", "context"),),
            to=At("gpu", "observe"),
            facts=(
                Atom("has_gpu", "host", "gpu"),
                Atom("setting", "host", Is("profiling=all")),
            ),
        ),
    ),
    minutes=Minutes(10, 240, "estimate: sampling with the vendor profiler"),
    why="RmProfilingAdminOnly=0 lets any account read counters that cover the whole accelerator: far sharper than timing.",
    end="options nvidia NVreg_RestrictProfilingToAdminUsers=1; give profiling to whole-node jobs only.",
)
