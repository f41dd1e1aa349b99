"""A real subnet manager on a simulated fabric: opensm on ibsim, both from Debian packages.

        topology ─▶ ibsim ◀─ libumad2sim ─ opensm, ibnetdiscover, smpquery, ibportstate

`Fabric` says how each is started; the lab and the tests start them.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ringfence.app.lab.layout import guid
from ringfence.errors import MissingPart

PARTS = {
    "opensm": "opensm",
    "ibsim": "ibsim-utils",
    "saquery": "infiniband-diags",
    "ibnetdiscover": "infiniband-diags",
}
"""Programs and the Debian packages that they are in."""
PER_LEAF = 18
SPINES = 18
DENY = "Default=0x7fff, ipoib, defmember=limited : ALL=limited, ALL_SWITCHES=full, SELF=full;\n"
"""A partitions.conf in which everybody reaches the manager and nobody else."""


def library() -> Path:
    """What stands between the tools and the simulator. Raises `MissingPart` with the Debian package."""
    for tool, package in PARTS.items():
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            raise MissingPart(f"{tool} is not installed", f"apt-get install {package}")
    places = ("*/umad2sim/libumad2sim.so*", "umad2sim/libumad2sim.so*")
    found = [file for place in places for file in sorted(Path("/usr/lib").glob(place))]
    if not found:
        raise MissingPart("libumad2sim is not installed", "apt-get install libumad2sim0")
    return found[0]


def topology(hosts: Sequence[str]) -> str:
    """ibsim's file of a fat tree: 18 hosts a leaf, every leaf cabled to each of 18 spines. Host n has GUID n."""
    leaves = -(-len(hosts) // PER_LEAF)
    blocks = []
    for leaf in range(leaves):
        rows = [f"switchguid=0x{leaf_guid(leaf):x}", f'Switch 36 "S-{leaf_guid(leaf):016x}" # "leaf{leaf:02d}"']
        here = range(leaf * PER_LEAF, min(len(hosts), (leaf + 1) * PER_LEAF))
        rows += [f'[{at + 1}] "H-{guid(index) - 1:016x}"[1]' for at, index in enumerate(here)]
        rows += [f'[{PER_LEAF + spine + 1}] "S-{spine_guid(spine):016x}"[{leaf + 1}]' for spine in range(SPINES)]
        blocks.append(rows)
    for spine in range(SPINES):
        rows = [f"switchguid=0x{spine_guid(spine):x}", f'Switch 36 "S-{spine_guid(spine):016x}" # "spine{spine:02d}"']
        rows += [f'[{leaf + 1}] "S-{leaf_guid(leaf):016x}"[{PER_LEAF + spine + 1}]' for leaf in range(leaves)]
        blocks.append(rows)
    for index, host in enumerate(hosts):
        leaf, at = divmod(index, PER_LEAF)
        blocks.append(
            [
                f"caguid=0x{guid(index) - 1:x}",
                f'Ca 1 "H-{guid(index) - 1:016x}" # "{host} mlx5_0"',
                f'[1](0x{guid(index):x}) "S-{leaf_guid(leaf):016x}"[{at + 1}]',
            ]
        )
    return "\n\n".join("\n".join(rows) for rows in blocks) + "\n"


def leaf_guid(number: int) -> int:
    """The node GUID of a leaf switch."""
    return 0x20_0000_0000 + number * 0x100


def spine_guid(number: int) -> int:
    """The node GUID of a spine switch."""
    return 0x30_0000_0000 + number * 0x100


class Fabric(msgspec.Struct, frozen=True):
    """A simulated fabric in a folder. `name` is that of ibsim's abstract sockets, one per network namespace."""

    folder: Path
    name: str

    @property
    def partitions(self) -> Path:
        """opensm's partitions.conf."""
        return self.folder / "partitions.conf"

    @property
    def log(self) -> Path:
        """opensm's log; `UP` stands in it after every sweep that went well."""
        return self.folder / "osm.log"

    def prepare(self, hosts: Sequence[str], partitions: str) -> None:
        """Write what both read."""
        (self.folder / "fabric.net").write_text(topology(hosts))
        self.partitions.write_text(partitions)

    def tools(self, host: int = 0) -> dict[str, str]:
        """The environment of a tool that runs on a host of the fabric. Raises `MissingPart`."""
        return self.plain(host) | {"LD_PRELOAD": str(library())}

    def plain(self, host: int = 0) -> dict[str, str]:
        """The same of the simulator, which stands for itself."""
        return {
            "IBSIM_SOCKNAME": self.name,
            "SIM_HOST": f"H-{guid(host) - 1:016x}",
            "OSM_CACHE_DIR": str(self.folder),
            "OSM_TMP_DIR": str(self.folder),
        }

    @property
    def simulator(self) -> list[str]:
        """The command that starts it, in the folder, with `plain()`."""
        return ["ibsim", "-s", "-n", "fabric.net"]

    def manager(self, *options: str) -> list[str]:
        """The command that starts opensm, in the folder, with `tools()`. Unless asked else, it does not resweep."""
        return ["opensm", "-d2", *(options or ("-s", "0")), "-f", "osm.log", "-P", str(self.partitions)]

    def sweeps(self) -> int:
        """How often the subnet came up."""
        return self.log.read_bytes().count(UP) if self.log.exists() else 0


UP = b"SUBNET UP"
