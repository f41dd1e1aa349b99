"""Who may read the performance counters of GPUs."""

from ringfence.assess.harden.measure import Measure, Own, There, Told

MEASURE = Measure(
    id="RF-X07",
    name="profiling_admin",
    title="Only administrators read the performance counters of GPUs",
    why="Counters show what a neighbour on the same GPU or NVLink domain computes: side channels over them tell models "
    "apart.",
    breaks="Nsight Compute and DCGM's profiling metrics for users. Give those who profile a partition of their own.",
    needs=(There(("/proc/driver/nvidia/version",), "the NVIDIA driver is loaded"),),
    wants=(
        Own("/etc/modprobe.d/ringfence-profiling.conf", "options nvidia NVreg_RestrictProfilingToAdminUsers=1\n"),
        Told(
            "/proc/driver/nvidia/params",
            r"RmProfilingAdminOnly:\s*1",
            "the driver that runs was loaded without it; drain the node and load the module again",
        ),
    ),
    after="It counts when the driver is loaded again. Where the initial RAM disk holds the driver, make that anew.",
    topic="accelerator",
    source="README of the NVIDIA Linux driver, module parameters",
)
