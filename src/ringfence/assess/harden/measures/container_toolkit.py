"""What a container may ask of the NVIDIA toolkit."""

from ringfence.assess.harden.measure import Assign, Measure, There

_CONFIG = "/etc/nvidia-container-runtime/config.toml"

MEASURE = Measure(
    id="RF-X17",
    name="container_toolkit",
    title="An image does not choose its GPUs, nor run hooks as root",
    why="With the defaults an unprivileged container names its GPUs in an environment variable, past the scheduler; "
    "and the hook for compatibility libraries runs as root in what the image prepared (CVE-2025-23266).",
    breaks="Images that get GPUs by `NVIDIA_VISIBLE_DEVICES` alone, without the device plugin or `--gpus`; forward "
    "compatibility libraries in images.",
    needs=(There((_CONFIG,), "the NVIDIA container toolkit is configured"),),
    wants=(
        Assign(
            (_CONFIG,),
            {
                "accept-nvidia-visible-devices-envvar-when-unprivileged": "false",
                "accept-nvidia-visible-devices-as-volume-mounts": "true",
                "features.disable-cuda-compat-lib-hook": "true",
            },
            "toml",
        ),
    ),
    never="The device plugin has to hand out devices as volume mounts before this is set in a Kubernetes cluster.",
    topic="containers",
    source="NVIDIA Container Toolkit, configuration; NVIDIA bulletin 5659",
)
