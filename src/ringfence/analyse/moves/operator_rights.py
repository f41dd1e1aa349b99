"""A scheduler operator lets itself in anywhere."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M054",
    name="operator_rights",
    function=True,
    title="A scheduler operator lets itself in anywhere",
    gives="work on every partition as one's own account; not other accounts, not root. SlurmUser itself: the whole scheduler",
    rules=(
        Rule(
            start=(At("account", "use"),),
            to=At("partition", "submit"),
            facts=(
                Atom("operates", "account", "cluster", {"level": ("operator", "administrator")}),
                Atom("in_cluster", "partition", "cluster"),
            ),
            kinds={"partition": ("partition",)},
        ),
        Rule(
            start=(At("account", "use"),),
            to=At("cluster", "admin"),
            facts=(Atom("operates", "account", "cluster", {"level": "slurm-user"}),),
        ),
        Rule(
            start=(At("credential", "use"),),
            to=At("partition", "submit"),
            facts=(
                Atom("setting", "credential", Is("purpose=slurmdbd")),
                Atom("in_cluster", "credential", "cluster"),
                Atom("in_cluster", "partition", "cluster"),
            ),
            kinds={"partition": ("partition",), "credential": ("credential",)},
        ),
    ),
    minutes=Minutes(1, 10, "estimate: two sacctmgr commands; with the database's password one SQL statement"),
    why="AdminLevel Operator and Administrator add themselves to any account and change any limit. Whoever has the accounting database's password writes that level into it, from where the database can be reached. slurmctld takes every order of SlurmUser.",
    end="As few operators as possible, with separate accounts for it; slurmdbd.conf at 0600; the database on loopback or behind TLS.",
    attack=("T1078", "T1098"),
    atlas=("AML.T0012",),
)
