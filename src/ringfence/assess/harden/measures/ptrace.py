"""Who may look into a running process."""

from ringfence.assess.harden.measure import Measure, Sysctl

MEASURE = Measure(
    id="RF-X02",
    name="ptrace",
    title="A process looks only into its own children",
    why="On a node that jobs share, one foothold in an account reads keys, tokens and weights out of every other "
    "process of that account.",
    breaks="Debuggers that attach to a running job; MPI that copies between ranks by `process_vm_readv` (CMA) falls "
    "back to shared memory, which costs a little on messages within a node.",
    wants=(Sysctl("kernel.yama.ptrace_scope", 1, least=True),),
    never="Not 3: that cannot be taken back before the next boot.",
    topic="kernel settings",
    source="Documentation/admin-guide/LSM/Yama.rst of Linux",
)
