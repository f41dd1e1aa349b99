"""One sign-on opens the account of the other cluster."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M039",
    name="sso_across_clusters",
    function=True,
    title="One sign-on opens the account of the other cluster",
    gives="the same person's account elsewhere",
    rules=(
        Rule(start=(At("identity", "use"),), to=At("other", "use"), facts=(Atom("federated_as", "identity", "other"),)),
        Rule(start=(At("other", "use"),), to=At("identity", "use"), facts=(Atom("federated_as", "identity", "other"),)),
    ),
    minutes=Minutes(1, 10, "estimate: one sign-on that is already open"),
    why="Federation exists so that the second cluster need not ask again; who is the account here is the account there.",
    end="Ask for a second factor at the border of each cluster; give separate accounts to administrators.",
    attack=("T1078", "T1550"),
    atlas=("AML.T0012",),
)
