"""Whoever has a key is the account that it proves."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M035",
    name="key_unlocks_identity",
    function=True,
    title="Whoever has a key is the account that it proves",
    gives="everything that this account may do",
    rules=(
        Rule(
            start=(At("credential", "use"),),
            to=At("identity", "use"),
            facts=(Atom("unlocks", "credential", "identity"),),
        ),
        Rule(
            start=(At("credential", "use"), At("place", "user")),
            to=At("identity", "use"),
            facts=(Atom("unlocks_from", "credential", "identity"), Atom("accepted_from", "identity", "place")),
            kinds={"place": ("host", "workstation")},
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one login with the key"),
    why="authorized_keys names keys, not people: any holder of the private half is the account.",
    end="Remove keys that nobody owns any more; bind keys to addresses (from=) or to one command, or use short-lived certificates.",
    attack=("T1078", "T1021.004"),
    atlas=("AML.T0012",),
)
