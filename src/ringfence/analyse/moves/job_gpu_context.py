"""Code in a job runs kernels on the accelerators given to it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M067",
    name="job_gpu_context",
    function=True,
    title="Code in a job runs kernels on the accelerators given to it",
    gives="kernels on the accelerator, in the job's own address space; not the memory of others",
    rules=(Rule(start=(At("work", "code"),), to=At("gpu", "context"), facts=(Atom("uses_gpu", "work", "gpu"),)),),
    minutes=Minutes(0, 1, "estimate: one library call"),
    why="That is what the accelerator was given for. It is the start of whatever the sharing of that accelerator allows.",
    end="Nothing to end as such; give whole accelerators, and whole NVLink domains, to one tenant at a time.",
)
