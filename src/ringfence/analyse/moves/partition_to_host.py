"""Work in a partition runs on its hosts."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M057",
    name="partition_to_host",
    function=True,
    title="Work in a partition runs on its hosts",
    gives="a shell as one's own account on a host of the partition, while the job lasts",
    rules=(
        Rule(
            start=(At("partition", "submit"),),
            to=At("host", "user"),
            facts=(Atom("in_partition", "host", "partition"),),
        ),
    ),
    minutes=Minutes(1, 30, "estimate: srun --pty with -w, then the wait for a free slot"),
    why="A job runs any program, and may name the host where it wants to run.",
    end="Keep hosts of other tenants, and all that are no compute nodes, out of the partition.",
    attack=("T1053",),
)
