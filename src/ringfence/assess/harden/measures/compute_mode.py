"""How many processes may share a GPU."""

from ringfence.assess.harden.measure import Device, Holds, Measure, There

MEASURE = Measure(
    id="RF-X13",
    name="compute_mode",
    title="A GPU holds one process at a time, where it is not shared on purpose",
    why="What runs beside a job on its GPU reads timing from it; a process that a job left behind keeps memory.",
    breaks="Jobs with several ranks on one GPU without MPS. With MPS or shards in gres.conf it does not apply.",
    needs=(
        There(("/etc/slurm/gres.conf",), "Slurm says which GPUs it hands out (gres.conf)"),
        Holds(
            "/etc/slurm/gres.conf",
            r"(?i).*Name\s*=\s*(?:mps|shard)\b.*",
            "gres.conf shares no GPU by MPS or shards",
            lacks=True,
        ),
        Holds("/etc/slurm/gres.conf", r".*[0-9]g\.[0-9]{1,3}gb.*", "gres.conf names no MIG slices", lacks=True),
    ),
    wants=(
        Device(
            "compute_mode",
            "Exclusive_Process",
            "-c",
            {"Default": "0", "Prohibited": "2", "Exclusive_Process": "3"},
        ),
    ),
    after="It lasts until the driver is unloaded: apply it again at boot.",
    topic="accelerator",
    source="nvidia-smi(1)",
)
