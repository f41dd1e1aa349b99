"""Error correction of GPU memory."""

from ringfence.assess.harden.measure import Device, Measure

MEASURE = Measure(
    id="RF-X11",
    name="ecc",
    title="GPU memory corrects errors",
    why="Without it a neighbour can flip bits of a model by hammering rows, and a flipped bit trains on unseen.",
    breaks="On GPUs with GDDR memory up to 10 % of speed and 6.25 % of memory; none on HBM, which has it built in.",
    wants=(Device("ecc.mode.pending", "Enabled", "-e", {"Enabled": "1", "Disabled": "0"}),),
    after="It counts when the GPU is reset or the host is booted.",
    topic="accelerator",
    source="nvidia-smi(1); GPUHammer",
)
