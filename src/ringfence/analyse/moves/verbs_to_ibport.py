"""An ordinary account opens queue pairs on the fabric ports of its host."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

# only a host's ports have a port number of a device: a switch's are numbered otherwise
MOVE = Move(
    id="RF-M086",
    name="verbs_to_ibport",
    function=True,
    title="An ordinary account opens queue pairs on the fabric ports of its host",
    gives="packets from this port in the partitions that it holds; no shell anywhere",
    rules=(
        Rule(
            start=(At("host", "user"),),
            to=At("port", "send"),
            facts=(
                Atom("device_open", "host", Is("uverbs"), hole="devices"),
                Atom("has_port", "host", "port", {"port": (1, 2, 3, 4)}),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: a short program against libibverbs"),
    why="/dev/infiniband/uverbs* is open to everyone (the usual mode, RDMA jobs need it), so any account may use any partition key in the table of the port, not only that of its own job.",
    end="Let the job prolog open the device only to the account of the job (devices cgroup, or SR-IOV functions per job), one partition key per job.",
)
