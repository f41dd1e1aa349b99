"""An open Docker port is the superuser."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M154",
    name="docker_tcp_open",
    title="An open Docker port is the superuser",
    gives="a shell as the superuser of the host",
    rules=(
        Rule(
            start=(At("service", "connect"),),
            to=At("host", "root"),
            facts=(
                Atom("service_kind", "service", Is("docker")),
                Atom("authenticates", "service", Is("none")),
                Atom("runs_on", "service", "host"),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: start one container that mounts the root folder"),
    why="The daemon's interface on plain TCP runs containers with any mount for every caller.",
    end="Use the Unix socket; where TCP is needed, demand client certificates (tlsverify).",
    attack=("T1611", "T1609"),
    atlas=("AML.T0105",),
)
