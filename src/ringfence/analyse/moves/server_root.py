"""The superuser of a file server owns what it serves."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M102",
    name="server_root",
    function=True,
    title="The superuser of a file server owns what it serves",
    gives="the files themselves, under every account",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "impersonate"),
            facts=(Atom("exported_by", "storage", "host"),),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "write"),
            facts=(Atom("exported_by", "storage", "host"),),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "read"),
            facts=(Atom("exported_by", "storage", "host"),),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one command"),
    why="The server's own disk is where the bytes lie; no mode and no export option binds its superuser.",
    end="Treat file servers as the most protected hosts: no user logins, administration from a zone of its own, data encrypted by the clients.",
    attack=("T1005",),
)
