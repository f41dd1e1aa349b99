"""What root may do to the running kernel."""

from ringfence.assess.harden.measure import Measure, There, Told

MEASURE = Measure(
    id="RF-X21",
    name="lockdown",
    title="Root does not change the running kernel",
    why="Without lockdown root loads any module and writes memory: what an attacker installs there no scanner sees.",
    breaks="Drivers that are not signed with a key that the firmware knows, NVIDIA's and MOFED's as built by DKMS "
    "among them; `kexec` of unsigned kernels. Sign them first.",
    needs=(There(("/sys/kernel/security/lockdown",), "the kernel has lockdown"),),
    wants=(
        Told(
            "/sys/kernel/security/lockdown",
            r".*\[(?:integrity|confidentiality)\].*",
            "lockdown is off; sign the drivers, then boot with lockdown=integrity",
        ),
    ),
    never="It is never switched on from here: without signed drivers the GPUs are gone at the next boot, and it cannot "
    "be taken back before.",
    topic="kernel modules",
    source="kernel_lockdown(7)",
)
