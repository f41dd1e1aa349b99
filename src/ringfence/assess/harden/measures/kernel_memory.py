"""What the kernel tells of its memory."""

from ringfence.assess.harden.measure import Measure, Sysctl

MEASURE = Measure(
    id="RF-X01",
    name="kernel_memory",
    title="The kernel hides its addresses, its log and its counters from users",
    why="Addresses and counters are what a user of a shared node needs to turn a driver's flaw into root, and to read "
    "a neighbour's work from timing.",
    breaks="`perf` and `bpftrace` of users; `dmesg` of users, where Xid errors are looked for: give them "
    "`nvidia-smi -q` or a group that may read the journal.",
    wants=(
        Sysctl("kernel.kptr_restrict", 1, least=True),
        Sysctl("kernel.dmesg_restrict", 1, least=True),
        Sysctl("kernel.perf_event_paranoid", 2, least=True),
        Sysctl("kernel.unprivileged_bpf_disabled", 2, also=(1,)),
    ),
    never="`kernel.unprivileged_bpf_disabled` is not set to 1: that cannot be taken back before the next boot.",
    topic="kernel settings",
    source="Documentation/admin-guide/sysctl/kernel.rst of Linux",
)
