"""Who may talk to the container runtime is the superuser."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule
from ringfence.estate.kinds import EVERYONE

MOVE = Move(
    id="RF-M046",
    name="runtime_group",
    title="Who may talk to the container runtime is the superuser",
    gives="a shell as the superuser",
    rules=(
        Rule(
            start=(
                At("identity", "use"),
                At("host", "user"),
            ),
            to=At("host", "root"),
            facts=(Atom("may_use_runtime", "identity", "host"),),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "user"),),
            to=At("host", "root"),
            facts=(Atom("may_use_runtime", Is(EVERYONE), "host"),),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: start one container that mounts the root folder"),
    why="The daemon runs as the superuser and mounts what it is asked to.",
    end="Use rootless or daemonless runtimes (enroot, apptainer without setuid, podman); empty the docker group.",
    attack=("T1611", "T1068"),
    atlas=("AML.T0105",),
)
