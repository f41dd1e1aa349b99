"""The scheduler's shared key speaks for anyone."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M050",
    name="munge_key",
    function=True,
    title="The scheduler's shared key speaks for anyone",
    gives="the scheduler as any account, root included: its daemons cannot tell a forged credential from a true one",
    rules=(
        Rule(
            start=(At("credential", "use"),),
            to=At("cluster", "admin"),
            facts=(Atom("scheduler_key", "credential", "cluster"),),
        ),
    ),
    minutes=Minutes(2, 15, "estimate: install munge with the stolen key, set the user id in one credential"),
    why="MUNGE and auth/slurm prove who a caller is by a secret that every node, login and controller has. Whoever reads it on one of them mints credentials of any user id.",
    end="Mode 0400 and its own account; no copy outside the cluster; a new key after any host of the cluster has fallen; logins without the key (auth/jwt or sackd on a host of its own).",
    attack=("T1552.004", "T1606"),
)
