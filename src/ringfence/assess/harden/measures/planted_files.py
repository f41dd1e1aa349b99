"""Files that somebody else put in a shared folder."""

from ringfence.assess.harden.measure import Measure, Sysctl

MEASURE = Measure(
    id="RF-X04",
    name="planted_files",
    title="Nobody is led astray by files that others put in shared folders",
    why="Prologs, epilogs and caches write to `/tmp` and scratch as root: a link or pipe that a job left there leads "
    "the write elsewhere.",
    breaks="Jobs of one account that open with O_CREAT what another put into a sticky folder.",
    wants=(
        Sysctl("fs.protected_symlinks", 1),
        Sysctl("fs.protected_hardlinks", 1),
        Sysctl("fs.protected_fifos", 1, least=True),
        Sysctl("fs.protected_regular", 1, least=True),
    ),
    topic="kernel settings",
    source="Documentation/admin-guide/sysctl/fs.rst of Linux",
)
