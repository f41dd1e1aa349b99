"""Whoever holds the server knows every weakness it has seen."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M143",
    name="ringfence_map_read",
    function=True,
    title="Whoever holds the server knows every weakness it has seen",
    gives="the map: names, paths and weak points of each host watched",
    rules=(
        Rule(
            start=(At("server", "admin"),),
            to=At("host", "discover"),
            facts=(Atom("watched_by", "host", "server"),),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: read one file"),
    why="The estate is a thief's best map, and the server keeps it.",
    end="Encrypt saved estates to recipients; keep them off the server that watches.",
    attack=("T1213",),
    atlas=("AML.T0036",),
)
