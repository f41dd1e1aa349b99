"""The superuser of a host reads its accelerators' memory."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M065",
    name="root_gpu_memory",
    function=True,
    title="The superuser of a host reads its accelerators' memory",
    gives="the whole memory of the accelerator: weights, activations, keys",
    rules=(
        Rule(start=(At("host", "root"),), to=At("gpu", "memory"), facts=(Atom("has_gpu", "host", "gpu"),)),
        Rule(start=(At("gpu", "admin"),), to=At("gpu", "memory"), facts=(Atom("has_gpu", "host", "gpu"),)),
    ),
    minutes=Minutes(1, 15, "estimate: attach a debugger to the process, or map the memory through the driver"),
    why="The driver obeys the superuser: it can trace any process that uses the accelerator and map what that process has mapped.",
    end="Keep tenants from becoming root on nodes; where the host itself is not trusted, run in confidential-computing mode in a guest.",
    attack=("T1005",),
    atlas=("AML.T0037",),
)
