"""An ordinary account opens accelerators that no job gave it."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M068",
    name="device_open_gpu",
    title="An ordinary account opens accelerators that no job gave it",
    gives="kernels on every accelerator of the host, in an address space of its own; not other jobs' memory",
    rules=(
        Rule(
            start=(At("host", "user"),),
            to=At("gpu", "context"),
            facts=(
                Atom("device_open", "host", Is("gpu"), hole="devices"),
                Atom("has_gpu", "host", "gpu"),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: unset one environment variable and call the library"),
    why="CUDA_VISIBLE_DEVICES is a request, not a fence: where the device files are open and no cgroup constrains them, any session reaches every accelerator.",
    end="ConstrainDevices=yes in cgroup.conf, pam_slurm_adopt for logins; on nodes without a scheduler mode 0660 and a group for the device files.",
)
