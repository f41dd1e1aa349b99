"""A container loads a kernel module into its host.

Root in the container with CAP_SYS_MODULE on the host's user namespace; a privileged container has it. A user
other than root does not get an added capability.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M001",
    name="ce_module_load",
    title="A container loads a kernel module into its host",
    gives="the host's kernel, hence root",
    rules=(
        Rule(
            start=(At("container", "code"),),
            to=At("host", "root"),
            facts=(
                Atom("runs_with", "container", Is("cap:SYS_MODULE")),
                Atom("runs_on", "container", "host"),
            ),
        ),
    ),
    minutes=Minutes(5, 60, "estimate: building a module for the running kernel takes the time"),
    why="CAP_SYS_MODULE is not confined by namespaces: the kernel is the host's, and a module runs in it.",
    end="Drop SYS_MODULE; load drivers through the node's own image or an operator's init job.",
    aka=("CE_MODULE_LOAD",),
    attack=("T1611",),
)
