"""Memory that is written to disk when a process dies."""

from ringfence.assess.harden.measure import Measure, Sysctl

MEASURE = Measure(
    id="RF-X05",
    name="core_dumps",
    title="Processes that changed their rights leave no core dump",
    why="What such a process held, keys of slurmd or munge among it, would lie in a file that the user may own.",
    breaks="Core dumps of setuid programs.",
    wants=(Sysctl("fs.suid_dumpable", 0),),
    topic="kernel settings",
    source="Documentation/admin-guide/sysctl/fs.rst of Linux",
)
