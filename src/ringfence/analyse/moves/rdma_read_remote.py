"""A peer of a queue pair reads and writes what the other end registered."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M099",
    name="rdma_read_remote",
    title="A peer of a queue pair reads and writes what the other end registered",
    gives="the registered buffers of the other host, GPU memory included. The address and key of a buffer must be found or guessed",
    rules=(
        Rule(
            start=(At("port", "send"),),
            to=At("host", "memory"),
            facts=(
                Atom("rdma_peer", "host", "port"),
                Atom("setting", "host", Is("nvidia_peermem=loaded")),
            ),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "memory"),),
            to=At("gpu", "memory"),
            facts=(
                Atom("setting", "host", Is("nvidia_peermem=loaded")),
                Atom("has_gpu", "host", "gpu"),
            ),
        ),
    ),
    minutes=Minutes(
        30,
        480,
        "estimate: keys of buffers lie in the memory of the peer process; guessing them is published research, not a tool",
    ),
    why="RDMA has no authentication beyond the number of the queue pair and the key of the buffer, and with nvidia_peermem the buffer is GPU memory. Whoever holds the port that a queue pair leads to can issue the reads and writes of its peer.",
    end="One partition per job, so that only its own ports can be peers; memory windows with short lives; reset of queue pairs at the end of the job.",
    attack=("T1005",),
)
