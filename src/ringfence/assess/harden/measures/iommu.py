"""What devices may write into."""

from ringfence.assess.harden.measure import Holds, Measure, Shown, There, Told

_CMDLINE, _GROUPS = "/proc/cmdline", "/sys/kernel/iommu_groups"
_FLAG = r"(?:intel_iommu|amd_iommu|iommu)=(?:\S*,)?"
_OFF = rf"(?:.*\s)?{_FLAG}(?:off|soft)(?:[,\s].*)?"
_ONE_TO_ONE = rf"(?:.*\s)?(?:{_FLAG}pt(?:[,\s].*)?|iommu\.passthrough=(?:1|[yYtT]|[oO][nN])\S*(?:\s.*)?)"
_DECIDE = (
    "a device of the host's own drivers reaches all memory. Where no GPU copies to another over PCIe, boot with "
    "iommu.passthrough=0; where they do, take the risk knowingly and with a date (RF-G19)"
)

MEASURE = Measure(
    id="RF-X22",
    name="iommu",
    title="The IOMMU limits what devices reach, and no ACS override pretends an isolation",
    why="Without an IOMMU each device, a swapped card among them, reads and writes all of the host's memory; with "
    "`iommu=pt` so does each that a driver of the host's runs.",
    breaks="CUDA has no copies between GPUs over PCIe on bare metal while the IOMMU translates, and GPUDirect RDMA may "
    "be slow: that is what `iommu=pt` is for. NVLink is not touched. Which of the two, only people can decide.",
    needs=(There((_CMDLINE,), "the kernel shows its command line"),),
    wants=(
        Told(_CMDLINE, _OFF, "the IOMMU is not used; boot with intel_iommu=on or amd_iommu=on instead", never=True),
        Told(_CMDLINE, _ONE_TO_ONE, f"the IOMMU maps one to one: {_DECIDE}", never=True),
        Shown(
            _GROUPS,
            "type",
            r"DMA|DMA-FQ|blocked|unmanaged",
            "identity",
            f"mapped one to one: {_DECIDE}",
            "the kernel uses no IOMMU; switch it on in the firmware, and boot with intel_iommu=on or amd_iommu=on",
            needs=(
                Holds(_CMDLINE, _OFF, "the command line leaves the IOMMU on", lacks=True),
                Holds(_CMDLINE, _ONE_TO_ONE, "the command line does not map one to one", lacks=True),
            ),
        ),
        Told(
            _CMDLINE,
            r".*\bpcie_acs_override=.*",
            "an override claims isolation that the hardware does not have; boot without it",
            never=True,
        ),
    ),
    never="ACS redirection is never switched on on bare metal: it sends every transfer between GPUs and network cards "
    "up through the root complex, and GPUDirect P2P and RDMA become slow or hang. Between tenants of one machine use "
    "virtual machines with whole PCIe switches, where redirection belongs.",
    topic="kernel modules",
    source="Documentation/admin-guide/kernel-parameters.txt and ABI/testing/sysfs-kernel-iommu_groups of Linux; CUDA "
    "programming guide, IOMMU on Linux; NCCL user guide, troubleshooting",
)
