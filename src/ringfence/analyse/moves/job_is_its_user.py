"""Code in a job acts as the job's user, on its hosts."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M058",
    name="job_is_its_user",
    function=True,
    title="Code in a job acts as the job's user, on its hosts",
    gives="the account with its groups, keys and files, and a shell on each of the job's hosts",
    rules=(
        Rule(
            start=(At("job", "code"),),
            to=At("account", "use"),
            facts=(
                Atom("in_cluster", "job", "cluster"),
                Atom("runs_as", "job", "account"),
            ),
            kinds={"job": ("job",)},
        ),
        Rule(
            start=(At("job", "code"),),
            to=At("host", "user"),
            facts=(
                Atom("in_cluster", "job", "cluster"),
                Atom("runs_on", "job", "host"),
            ),
            kinds={"job": ("job",)},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: the code runs there already"),
    why="A job is a process of its user: a poisoned package, image or pickle in it reads what that account reads.",
    end="Jobs that load what others made under an account of their own, without the keys and homes of people.",
    attack=("T1059",),
)
