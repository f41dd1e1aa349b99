"""A container makes its host's kernel run a program when a process crashes.

A privileged container has /proc/sys writable, one with SYS_ADMIN mounts it so (where no AppArmor profile forbids
mounts); any other needs the host's /proc/sys/kernel mounted writable
and root, no capability. A read-only mount of / leaves /proc below it writable.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M005",
    name="ce_umh_core_pattern",
    title="A container makes its host's kernel run a program when a process crashes",
    gives="a program run as root on the host",
    rules=(
        Rule(
            start=(At("container", "code"),),
            to=At("host", "root"),
            facts=(
                Atom("runs_with", "container", Is("privileged")),
                Atom("runs_on", "container", "host"),
            ),
        ),
        Rule(
            start=(At("container", "code"),),
            to=At("host", "root"),
            facts=(
                Atom("runs_with", "container", Is("cap:SYS_ADMIN"), {"by": "added"}),
                Atom("runs_on", "container", "host"),
            ),
        ),
        Rule(
            start=(At("container", "code"),),
            to=At("host", "root"),
            facts=(
                Atom("runs_with", "container", Is("root")),
                Atom("mounts_host_path", "container", "path", {"kernel": True}),
                Atom("runs_on", "container", "host"),
            ),
        ),
    ),
    minutes=Minutes(2, 15, "estimate: write one line, crash one process"),
    why="kernel.core_pattern is one value for the whole host, and the kernel starts the program that it names as root in the host's namespaces.",
    end="Drop privileged and SYS_ADMIN; do not mount /proc or a parent of it.",
    aka=("CE_UMH_CORE_PATTERN",),
    attack=("T1611",),
)
