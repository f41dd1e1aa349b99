"""A coordinator admits itself to its accounts."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M055",
    name="coordinator_rights",
    function=True,
    title="A coordinator admits itself to its accounts",
    gives="work wherever these accounts may submit, as one's own user; not the other users of the account",
    rules=(
        Rule(
            start=(At("account", "use"),),
            to=At("partition", "submit"),
            facts=(
                Atom("coordinates", "account", "tenant"),
                Atom("may_submit", "tenant", "partition"),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one sacctmgr command"),
    why="A coordinator adds users to its account and to all below it, itself among them, and so reaches the partitions that admit them.",
    end="Remove coordinators who do not need it; set it on the lowest account, not on a parent; patch CVE-2025-43904, with which a coordinator made administrators.",
    attack=("T1098",),
)
