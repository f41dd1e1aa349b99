"""Root of a host controls the jobs on it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M059",
    name="root_controls_jobs",
    function=True,
    title="Root of a host controls the jobs on it",
    gives="code in every job that runs there, with its rights and files",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("job", "code"),
            facts=(
                Atom("in_cluster", "job", "cluster"),
                Atom("runs_on", "job", "host"),
            ),
            kinds={"job": ("job",)},
        ),
    ),
    minutes=Minutes(0, 2, "estimate: attach to a process, or write into its memory"),
    why="The superuser owns every process on the host; a gang job is held by the worst of its hosts.",
    end="Nothing ends this on a shared host: whole nodes, and whole gangs, to one tenant at a time.",
    attack=("T1068",),
)
