"""An account steps into its own running jobs."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M029",
    name="own_jobs",
    function=True,
    title="An account steps into its own running jobs",
    gives="code inside the job, with its accelerators, channels and mounts",
    rules=(
        Rule(
            start=(At("account", "use"),),
            to=At("job", "code"),
            facts=(
                Atom("runs_as", "job", "account"),
                Atom("in_cluster", "job", "cluster"),
            ),
            kinds={"job": ("job",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one step added to a running job (srun --overlap --jobid)"),
    why="The scheduler lets a user add steps to the user's own jobs, so whoever is the account is inside all that it runs.",
    end="A short-lived credential for submitting, apart from the one for logging in; jobs of pipelines under accounts that nobody logs in with.",
)
