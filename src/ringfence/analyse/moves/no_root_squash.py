"""Root on a client is root on the file system."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M103",
    name="no_root_squash",
    title="Root on a client is root on the file system",
    gives="every file, to read and to change",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "write"),
            facts=(
                Atom("mounts", "host", "storage", {"mode": "rw"}),
                Atom("setting", "storage", Is("no_root_squash"), hole="exports"),
            ),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "read"),
            facts=(
                Atom("mounts", "host", "storage"),
                Atom("setting", "storage", Is("no_root_squash"), hole="exports"),
            ),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "write"),
            facts=(Atom("exported_to", "storage", "host", {"no_root_squash": True, "mode": "rw"}),),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "read"),
            facts=(Atom("exported_to", "storage", "host", {"no_root_squash": True}),),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: two commands on the client"),
    why="The export says no_root_squash (or the Lustre nodemap admits administrators), so the server takes the client's uid 0 for its own.",
    end="Export with root_squash (admin_nodemap=0 on Lustre); keep the one exception, if any, to a named backup host.",
    attack=("T1222",),
)
