"""A full member of the hub passes traffic or files between limited members."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M090",
    name="storage_relay",
    title="A full member of a partition passes traffic or files between its limited members",
    gives="IP packets to the others where the hub forwards; a mount of its storage where it exports to them. Never RDMA between the two",
    rules=(
        Rule(
            start=(At("subnet", "relay"),),
            to=At("subnet", "send"),
            facts=(
                Atom("attached_to", "hub", "subnet", {"membership": "full"}),
                Atom("setting", "hub", Is("net.ipv4.ip_forward=1"), hole="kernel"),
            ),
        ),
        Rule(
            start=(At("subnet", "relay"),),
            to=At("storage", "mount"),
            facts=(
                Atom("attached_to", "hub", "subnet", {"membership": "full"}),
                Atom("exported_by", "storage", "hub"),
                Atom("exported_to", "storage", "subnet"),
            ),
        ),
    ),
    minutes=Minutes(2, 30, "estimate: one route or one mount command"),
    why="Limited membership stops packets between two clients of a file server, but the server talks to both: if it routes IP it joins them, and its exports are a mailbox between them.",
    end="net.ipv4.ip_forward=0 on every full member; exports per tenant, by network and by owner, instead of one for the whole subnet.",
    attack=("T1090.001",),
)
