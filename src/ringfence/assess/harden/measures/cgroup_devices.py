"""The device constraint of Slurm's control groups."""

from ringfence.assess.harden.measure import Assign, Measure, There, Told

_CONF = ("/etc/slurm/cgroup.conf", "/etc/slurm-llnl/cgroup.conf")

MEASURE = Measure(
    id="RF-X09",
    name="cgroup_devices",
    title="A job opens the GPUs that it was given, and no others",
    why="Without the device constraint an allocation is an environment variable, and every job sees every GPU.",
    breaks="Jobs that took GPUs without asking for them.",
    needs=(There(("/usr/sbin/slurmd", "/usr/local/sbin/slurmd", "/opt/slurm/sbin/slurmd"), "slurmd is installed"),),
    wants=(
        Assign(_CONF, {"ConstrainDevices": "yes"}, "slurm"),
        Told(
            "/etc/slurm/slurm.conf",
            r"(?i)\s*TaskPlugin\s*=[^#]*task/cgroup.*",
            "TaskPlugin does not name task/cgroup; set it for the whole cluster, where slurm.conf is kept",
        ),
    ),
    after="slurmd reads it when it is started again; jobs that run stay as they are.",
    topic="scheduler",
    source="cgroup.conf(5) of Slurm",
)
