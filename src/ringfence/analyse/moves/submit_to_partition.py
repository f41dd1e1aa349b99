"""An account submits work to a partition."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule
from ringfence.estate.kinds import EVERYONE

MOVE = Move(
    id="RF-M056",
    name="submit_to_partition",
    function=True,
    title="An account submits work to a partition",
    gives="a job of one's own, at the next free slot",
    rules=(
        Rule(
            start=(At("account", "use"),),
            to=At("partition", "submit"),
            facts=(Atom("in_cluster", "account", "cluster"), Atom("may_submit", "account", "partition")),
        ),
        Rule(
            start=(At("account", "use"),),
            to=At("partition", "submit"),
            facts=(
                Atom("in_tenant", "account", "tenant"),
                Atom("may_submit", "tenant", "partition"),
            ),
            kinds={"account": ("identity",)},
        ),
        Rule(
            start=(At("account", "use"),),
            to=At("partition", "submit"),
            facts=(
                Atom("member_of", "account", "group"),
                Atom("may_submit", "group", "partition"),
            ),
        ),
        Rule(
            start=(At("account", "use"),),
            to=At("partition", "submit"),
            facts=(
                Atom("in_cluster", "account", "cluster"),
                Atom("in_cluster", "partition", "cluster"),
                Atom("may_submit", Is(EVERYONE), "partition"),
            ),
            kinds={"account": ("identity",)},
        ),
        Rule(
            start=(At("cluster", "login"),),
            to=At("partition", "submit"),
            facts=(
                Atom("in_cluster", "partition", "cluster"),
                Atom("may_submit", Is(EVERYONE), "partition"),
            ),
        ),
    ),
    minutes=Minutes(1, 30, "estimate: one sbatch, then the queue"),
    why="A partition open to an account, a group or to all takes their jobs; that is its purpose, and the whole of the border between tenants on a shared scheduler.",
    end="AllowAccounts or AllowGroups on every partition, with AccountingStorageEnforce=associations: each tenant its own.",
    attack=("T1078", "T1053"),
    atlas=("AML.T0012",),
)
