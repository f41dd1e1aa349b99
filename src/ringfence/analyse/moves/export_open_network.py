"""A machine on a network to which storage is offered mounts it."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M127",
    name="export_open_network",
    title="A machine on a network to which storage is offered mounts it",
    gives="a client's place on the storage: what file modes then allow",
    rules=(
        Rule(
            start=(At("network", "send"),),
            to=At("storage", "mount"),
            facts=(Atom("exported_to", "storage", "network"),),
            kinds={"network": ("network",)},
        ),
        Rule(
            start=(At("network", "send"),),
            to=At("storage", "mount"),
            facts=(
                Atom("setting", "storage", Is("exported_to=*")),
                Atom("exported_by", "storage", "server"),
                Atom("attached_to", "server", "network"),
            ),
        ),
    ),
    minutes=Minutes(1, 10, "estimate: one mount command, or a user-space NFS client"),
    why="The export names a network, or everyone; the server asks for no more than an address.",
    end="Export to named hosts over sec=krb5p; keep storage on a network that only its clients are attached to.",
    attack=("T1021",),
)
