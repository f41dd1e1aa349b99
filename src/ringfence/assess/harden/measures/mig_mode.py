"""MIG as the scheduler believes it to be."""

from ringfence.assess.harden.measure import Device, Holds, Measure, There

_VALUES = {"Enabled": "1", "Disabled": "0"}
_GRES = "/etc/slurm/gres.conf"
_SLICE = r".*[0-9]g\.[0-9]{1,3}gb.*"

MEASURE = Measure(
    id="RF-X12",
    name="mig_mode",
    title="GPUs are partitioned exactly where the scheduler hands out slices",
    why="A GPU in MIG mode that is handed out whole, or the reverse, gives a job more or other memory than the "
    "scheduler accounts for.",
    breaks="Nothing that the scheduler knows of; jobs on the GPU have to end first, as the mode changes at a reset.",
    needs=(There((_GRES,), "Slurm says which GPUs it hands out (gres.conf)"),),
    wants=(
        Device(
            "mig.mode.pending", "Enabled", "-mig", _VALUES,
            needs=(Holds(_GRES, _SLICE, "gres.conf names MIG slices"),),
        ),
        Device(
            "mig.mode.pending", "Disabled", "-mig", _VALUES,
            needs=(Holds(_GRES, _SLICE, "gres.conf names no MIG slices", lacks=True),),
        ),
    ),
    after="It counts when the GPU is reset.",
    topic="accelerator",
    source="nvidia-smi(1); gres.conf(5) of Slurm",
)  # fmt: skip
