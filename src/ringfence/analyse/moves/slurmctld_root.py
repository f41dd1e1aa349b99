"""Root of a controller's host is the scheduler."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M051",
    name="slurmctld_root",
    function=True,
    title="Root of a controller's host is the scheduler",
    gives="the scheduler itself: its state, its key, its configuration, every job it will start",
    rules=(Rule(start=(At("host", "root"),), to=At("cluster", "admin"), facts=(Atom("controls", "host", "cluster"),)),),
    minutes=Minutes(0, 2, "estimate: edit one file, or run scontrol as SlurmUser"),
    why="slurmctld takes orders from SlurmUser and root of its own host, and keeps jobs and their owners in files there. A control plane of Kubernetes keeps the key there that signs administrators.",
    end="The controller, its backup included, on a host that takes no logins, no jobs and no other services.",
    attack=("T1078",),
)
