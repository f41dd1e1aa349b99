"""Whoever runs the scheduler is root on its nodes."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M052",
    name="slurm_admin_to_nodes",
    function=True,
    title="Whoever runs the scheduler is root on its nodes",
    gives="a shell as root on every node of the cluster's partitions",
    rules=(
        Rule(
            start=(At("cluster", "admin"),),
            to=At("host", "root"),
            facts=(
                Atom("in_cluster", "partition", "cluster"),
                Atom("in_partition", "host", "partition"),
            ),
        ),
        Rule(
            start=(At("cluster", "admin"),),
            to=At("host", "root"),
            facts=(
                Atom("controls", "controller", "cluster"),
                Atom("in_cluster", "host", "cluster"),
                Atom("acts_as", "host", "kubelet"),
            ),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 10, "estimate: one job submitted as root, or a prolog that the next job starts"),
    why="slurmd runs as root and starts what slurmctld sends, as whichever user it names, and the prolog as root before it. An administrator of Kubernetes starts a privileged pod on the node he names.",
    end="It cannot be ended on a node of the cluster; DisableRootJobs ends the easiest way only. Keep storage, management and login hosts out of NodeName, and give what must not fall together a cluster of its own.",
    attack=("T1053", "T1078"),
)
