"""Who may open GPUs where no scheduler says so."""

from ringfence.assess.harden.measure import Holds, Measure, Own, Permissions, There

MEASURE = Measure(
    id="RF-X08",
    name="gpu_nodes",
    title="GPUs are opened by a group, where no control group constrains devices",
    why="The driver makes its device nodes for everybody: each account of the host reaches each GPU, and its driver's "
    "flaws.",
    breaks="Users who are not in the group `video`. Where Slurm constrains devices per job this measure does not "
    "apply: the job's control group decides there.",
    needs=(
        There(("/proc/driver/nvidia/version",), "the NVIDIA driver is loaded"),
        Holds(
            "/etc/slurm/cgroup.conf",
            r"(?i)\s*ConstrainDevices\s*=\s*yes\s*",
            "no scheduler constrains devices here",
            lacks=True,
        ),
    ),
    wants=(
        Permissions("/dev/nvidia[0-9]*", 0o660, "video"),
        Own(
            "/etc/modprobe.d/ringfence-gpu-nodes.conf",
            "options nvidia NVreg_DeviceFileUID=0 NVreg_DeviceFileGID={gid} NVreg_DeviceFileMode=0660\n",
            group="video",
        ),
    ),
    after="`nvidia-modprobe` makes nodes by the module's options, which count when the driver is loaded again.",
    topic="accelerator",
    source="README of the NVIDIA Linux driver, module parameters",
)
