"""The way from a host to its own management controller."""

from ringfence.assess.harden.measure import Measure, Own, Permissions, There, Told

MEASURE = Measure(
    id="RF-X20",
    name="bmc_host_interface",
    title="A host does not speak to its management controller",
    why="Over the host interface a rooted node flashes its own controller and stays for good; some controllers take "
    "requests from there without a password.",
    breaks="Redfish and firmware updates from within the host: do them over the management network. `ipmitool` as "
    "root stays.",
    needs=(
        There(
            ("/sys/bus/usb/drivers/cdc_ether/*:*", "/sys/bus/usb/drivers/rndis_host/*:*", "/dev/ipmi*"),
            "the controller shows itself to the host",
        ),
    ),
    wants=(
        Permissions("/dev/ipmi*", 0o600),
        Own(
            "/etc/modprobe.d/ringfence-bmc.conf",
            "install cdc_ether /bin/false\ninstall rndis_host /bin/false\nblacklist cdc_ether\nblacklist rndis_host\n",
        ),
        Told(
            "/proc/modules",
            r"(?:cdc_ether|rndis_host) .*",
            "the module is loaded; remove it with `modprobe -r`, or boot",
            never=True,
        ),
    ),
    after="A module that is loaded stays until the next boot. Switch the interface off in the controller as well.",
    topic="firmware",
    source="DMTF DSP0270, Redfish host interface",
)
