"""Captures of accelerators: `nvidia-smi -q -x` of every GPU node, IMEX configuration of trays."""

from collections.abc import Iterator

from ringfence.synth.captures_slurm import File
from ringfence.synth.plan import Cluster, Host

DRIVER, CUDA = "570.124.06", "12.8"
_PRODUCT = {"hgx": ("NVIDIA H100 80GB HBM3", "Hopper", 81_559), "nvl": ("NVIDIA GB200", "Blackwell", 189_471)}
_VBIOS = {"hgx": "96.00.99.00.01", "nvl": "97.00.82.00.0E"}
_GPU = """\t<gpu id="{pci}">
\t\t<product_name>{product}</product_name>
\t\t<product_brand>NVIDIA</product_brand>
\t\t<product_architecture>{architecture}</product_architecture>
\t\t<mig_mode>
\t\t\t<current_mig>Disabled</current_mig>
\t\t\t<pending_mig>Disabled</pending_mig>
\t\t</mig_mode>
\t\t<mig_devices>
\t\t\tNone
\t\t</mig_devices>
\t\t<serial>{serial}</serial>
\t\t<uuid>{uuid}</uuid>
\t\t<minor_number>{index}</minor_number>
\t\t<vbios_version>{vbios}</vbios_version>
\t\t<pci>
\t\t\t<pci_bus_id>{pci}</pci_bus_id>
\t\t</pci>
\t\t<fb_memory_usage>
\t\t\t<total>{memory} MiB</total>
\t\t</fb_memory_usage>
\t\t<cc_protected_memory_usage>
\t\t\t<total>0 MiB</total>
\t\t</cc_protected_memory_usage>
\t\t<compute_mode>Default</compute_mode>
\t\t<ecc_mode>
\t\t\t<current_ecc>Enabled</current_ecc>
\t\t\t<pending_ecc>Enabled</pending_ecc>
\t\t</ecc_mode>
\t\t<fabric>
\t\t\t<state>Completed</state>
\t\t\t<status>Success</status>
\t\t\t<cliqueId>{clique}</cliqueId>
\t\t\t<clusterUuid>{domain}</clusterUuid>
\t\t</fabric>
\t\t<processes>
\t\t</processes>
\t</gpu>
"""


def accelerators(plan: Cluster, chosen: frozenset[str]) -> Iterator[File]:
    """nvidia-smi and IMEX channels of all GPU nodes, driver parameters of the `chosen` hosts."""
    channels: dict[str, set[int]] = {}
    for job in plan.jobs:
        for name in job.hosts if job.imex >= 0 else ():
            channels.setdefault(name, set()).add(job.imex)
    for host in plan.of_role("hgx", "nvl"):
        yield f"hosts/{host.name}/nvidia-smi-q.xml", smi(plan, host).encode()
        if host.name in channels:
            yield f"hosts/{host.name}/imex-channels.txt", _channels(plan, host, channels).encode()
        if host.name in chosen:
            yield f"hosts/{host.name}/nvidia-params.txt", _parameters().encode()


def _channels(plan: Cluster, host: Host, held: dict[str, set[int]]) -> str:
    """`ls -l /dev/nvidia-caps-imex-channels`: each job's own, or one that everybody may open."""
    mode = "crw-rw-rw-" if plan.flawed("imex_shared", host.domain) else "crw-rw----"
    numbers = sorted(held.get(host.name, ()))
    lines = [f"{mode} 1 root root 511, {number} Jan  5 00:00 channel{number}" for number in numbers]
    return "\n".join(["total 0", *lines]) + "\n"


def smi(plan: Cluster, host: Host) -> str:
    """`nvidia-smi -q -x`, with the elements that say something about exposure."""
    product, architecture, memory = _PRODUCT[host.role]
    domain = plan.domain_uuid(host.domain) if host.domain else "00000000-0000-0000-0000-000000000000"
    parts = [
        '<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">\n<nvidia_smi_log>\n',
        "\t<timestamp>Mon Jan  5 00:00:00 2026</timestamp>\n",
        f"\t<driver_version>{DRIVER}</driver_version>\n\t<cuda_version>{CUDA}</cuda_version>\n",
        f"\t<attached_gpus>{host.gpus}</attached_gpus>\n",
    ]
    parts += [
        _GPU.format(
            pci=f"00000000:{index + 1:02X}:00.0",
            product=product,
            architecture=architecture,
            memory=memory,
            vbios=_VBIOS[host.role],
            serial=1_650_000_000_000 + host.number * 16 + index,
            uuid=plan.gpu_uuid(host, index),
            index=index,
            clique=1 if host.domain else 0,
            domain=domain,
        )
        for index in range(host.gpus)
    ]
    return "".join([*parts, "</nvidia_smi_log>\n"])


def _parameters() -> str:
    return "ModifyDeviceFiles: 1\nDeviceFileUID: 0\nDeviceFileGID: 0\nDeviceFileMode: 438\nRmProfilingAdminOnly: 1\n"
