"""A container attaches to a process of its host as a debugger.

SYS_ADMIN is not needed, unlike in KubeHound's query. An enforcing AppArmor or SELinux profile may still stop
it where the container is not privileged; that is a node's setting, not the manifest's, and is not counted on.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M004",
    name="ce_sys_ptrace",
    title="A container attaches to a process of its host as a debugger",
    gives="code in a root process of the host",
    rules=(
        Rule(
            start=(At("container", "code"),),
            to=At("host", "root"),
            facts=(
                Atom("runs_with", "container", Is("host_pid")),
                Atom("runs_with", "container", Is("cap:SYS_PTRACE")),
                Atom("runs_on", "container", "host"),
            ),
        ),
    ),
    minutes=Minutes(5, 30, "estimate: inject code into a root process with a debugger"),
    why="With the host's PID namespace and CAP_SYS_PTRACE every process of the host can be attached to and made to run code.",
    end="Set hostPID: false, or drop SYS_PTRACE; profile with tools that need only perf events.",
    aka=("CE_SYS_PTRACE",),
    attack=(
        "T1611",
        "T1055",
    ),
)
