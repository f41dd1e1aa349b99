"""Work beside another's job watches it."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M061",
    name="shared_node",
    title="Work beside another's job watches it",
    gives="timing and counters of the jobs on the same host, and their command lines in /proc; not their memory",
    rules=(
        Rule(
            start=(At("partition", "submit"),),
            to=At("host", "observe"),
            facts=(
                Atom("setting", "partition", Is("nodes=shared"), hole="oversubscribe"),
                Atom("in_partition", "host", "partition"),
            ),
        ),
        Rule(
            start=(At("host", "observe"),),
            to=At("job", "observe"),
            facts=(
                Atom("in_cluster", "job", "cluster"),
                Atom("runs_on", "job", "host"),
            ),
            kinds={"job": ("job",)},
        ),
    ),
    minutes=Minutes(5, 60, "estimate: a job with -w on the same host, then sampling"),
    why="Unless nodes are exclusive, the scheduler puts jobs of different users on different cores of one host. Caches, memory buses, PCIe and NVLink are shared, and /proc tells the names of programs and their arguments.",
    end="OverSubscribe=EXCLUSIVE or ExclusiveUser=YES on the partitions of training; hidepid=2 for /proc.",
    attack=("T1057",),
)
