"""Code in a job reads what the job itself loads."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M070",
    name="job_own_weights",
    function=True,
    title="Code in a job reads what the job itself loads",
    gives="the weights and data of that job",
    rules=(
        Rule(
            start=(At("work", "code"),),
            to=At("data", "read"),
            facts=(Atom("reads", "work", "data"),),
            kinds={"data": ("dataset", "model", "checkpoint")},
        ),
    ),
    minutes=Minutes(1, 10, "estimate: the process that loads them is its own"),
    why="Whoever runs code inside the job shares its address space on host and accelerator, whatever the modes of the files say.",
    end="Run only signed images and pinned packages where weights are loaded, and keep notebooks out of such jobs.",
    attack=("T1005",),
    atlas=("AML.T0035",),
)
