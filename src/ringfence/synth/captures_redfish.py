"""Captures of management controllers: a few Redfish resources of each."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence.synth.captures_slurm import File
from ringfence.synth.plan import Cluster, Host, address

VERSION = "2.14.0"


def controllers(plan: Cluster, chosen: frozenset[str]) -> Iterator[File]:
    """The controllers of the `chosen` hosts."""
    for host in plan.hosts:
        if host.name in chosen:
            for path, body in resources(host):
                where = f"/redfish/v1/{path}"
                yield f"redfish/{host.name}-bmc/{path}/index.json", msgspec.json.encode({"@odata.id": where, **body})


def resources(host: Host) -> Iterator[tuple[str, dict[str, Any]]]:
    """(address below the service root, body)."""
    yield (
        "Systems/1",
        {
            "@odata.type": "#ComputerSystem.v1_20_0.ComputerSystem",
            "Id": "1",
            "Name": host.name,
            "HostName": host.name,
            "Manufacturer": "Generic",
            "Model": {"hgx": "HGX H100", "nvl": "GB200 NVL72"}.get(host.role, "Server"),
            "SerialNumber": f"SN{host.number:07d}",
        },
    )
    yield (
        "Managers/BMC",
        {
            "@odata.type": "#Manager.v1_19_0.Manager",
            "Id": "BMC",
            "Name": "BMC",
            "ManagerType": "BMC",
            "Manufacturer": "OpenBMC",
            "Model": "bmc",
            "FirmwareVersion": VERSION,
        },
    )
    yield (
        "Managers/BMC/EthernetInterfaces/eth0",
        {
            "@odata.type": "#EthernetInterface.v1_9_0.EthernetInterface",
            "Id": "eth0",
            "Name": "eth0",
            "IPv4Addresses": [{"Address": address(host, "bmc"), "SubnetMask": "255.255.0.0"}],
        },
    )
    yield (
        "AccountService",
        {
            "@odata.type": "#AccountService.v1_14_0.AccountService",
            "Id": "AccountService",
            "Name": "Accounts",
            "AccountLockoutThreshold": 5,
        },
    )
