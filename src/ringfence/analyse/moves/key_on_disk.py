"""A secret that lies on a machine is read there."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M034",
    name="key_on_disk",
    title="A secret that lies on a machine is read there",
    gives="the key, token or password itself",
    rules=(
        Rule(
            start=(At("keeper", "root"),),
            to=At("credential", "use"),
            facts=(Atom("stores_credential", "keeper", "credential", {"readable_by": ("root", "user")}),),
            kinds={"keeper": ("host", "workstation")},
        ),
        Rule(
            start=(At("keeper", "user"),),
            to=At("credential", "use"),
            facts=(Atom("stores_credential", "keeper", "credential", {"readable_by": "user"}),),
            kinds={"keeper": ("host", "workstation")},
        ),
        Rule(
            start=(
                At("identity", "use"),
                At("keeper", "user"),
            ),
            to=At("credential", "use"),
            facts=(
                Atom("keeps_credential", "identity", "credential"),
                Atom("stores_credential", "keeper", "credential"),
            ),
            kinds={"keeper": ("host", "workstation")},
        ),
        Rule(
            start=(At("keeper", "read"),),
            to=At("credential", "use"),
            facts=(Atom("stores_credential", "keeper", "credential", {"readable_by": ("root", "user")}),),
            kinds={"keeper": ("host",)},
        ),
    ),
    minutes=Minutes(1, 10, "estimate: one search of the file system"),
    why="A private key without a passphrase is a file like any other: the superuser reads it, and so does every account that its mode lets in.",
    end="Keep keys in an agent with hardware behind it, protect them by a passphrase, issue certificates that expire within the day; set their mode to 0600.",
    attack=("T1552.004", "T1552.001"),
    atlas=("AML.T0055",),
)
