"""Who may change the partition of a GPU."""

from ringfence.assess.harden.measure import Measure, Permissions, There

MEASURE = Measure(
    id="RF-X10",
    name="mig_capabilities",
    title="Only root partitions GPUs and monitors all their instances",
    why="Whoever may open the capabilities `config` and `monitor` of MIG changes or watches every tenant's instance.",
    breaks="Monitoring as a user over all instances: run it as root, or hand it `monitor` alone.",
    needs=(There(("/dev/nvidia-caps",), "the driver has MIG capabilities"),),
    wants=(Permissions("/dev/nvidia-caps/nvidia-cap[12]", 0o400),),
    topic="accelerator",
    source="NVIDIA Multi-Instance GPU user guide, device nodes and capabilities",
)
