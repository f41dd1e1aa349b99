"""What devices may write into."""

from ringfence.assess.harden.measure import Measure, There, Told

MEASURE = Measure(
    id="RF-X22",
    name="iommu",
    title="The IOMMU is not switched off, and no ACS override pretends an isolation",
    why="Without an IOMMU each device, a swapped card among them, reads and writes all of the host's memory.",
    breaks="With `iommu=pt` nothing: devices of the host's own drivers keep their direct way, and GPUDirect stays "
    "fast.",
    needs=(There(("/proc/cmdline",), "the kernel shows its command line"),),
    wants=(
        Told(
            "/proc/cmdline",
            r".*\b(?:intel_iommu|amd_iommu|iommu)=off\b.*",
            "the IOMMU is switched off; boot with iommu=pt instead",
            never=True,
        ),
        Told(
            "/proc/cmdline",
            r".*\bpcie_acs_override=.*",
            "an override claims isolation that the hardware does not have; boot without it",
            never=True,
        ),
    ),
    never="ACS redirection is never switched on on bare metal: it sends every transfer between GPUs and network cards "
    "up through the root complex, and GPUDirect P2P and RDMA become slow or hang. Between tenants of one machine use "
    "virtual machines with whole PCIe switches, where redirection belongs.",
    topic="kernel modules",
    source="Documentation/admin-guide/kernel-parameters.txt of Linux; NCCL user guide, troubleshooting",
)
