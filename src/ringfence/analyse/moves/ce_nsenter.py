"""A container enters the namespaces of its host's first process.

The host's PID namespace, and the capabilities that opening and joining another process's namespaces take:
SYS_PTRACE and SYS_ADMIN. A privileged container has both.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M002",
    name="ce_nsenter",
    title="A container enters the namespaces of its host's first process",
    gives="a shell as root on the host",
    rules=(
        Rule(
            start=(At("container", "code"),),
            to=At("host", "root"),
            facts=(
                Atom("runs_with", "container", Is("host_pid")),
                Atom("runs_with", "container", Is("cap:SYS_ADMIN")),
                Atom("runs_with", "container", Is("cap:SYS_PTRACE")),
                Atom("runs_on", "container", "host"),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one command, nsenter"),
    why="With the host's process list and the right to join namespaces, process 1's are one call away.",
    end="Set hostPID: false, or run without privileges; agents that need the process list need neither SYS_ADMIN nor SYS_PTRACE.",
    aka=("CE_NSENTER",),
    attack=("T1611",),
)
