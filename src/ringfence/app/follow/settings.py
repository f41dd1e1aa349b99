"""What the follower is set to: one TOML file, `follow.toml`. Without the file, the defaults stand.

cluster = "rf"                          # ClusterName of slurm.conf
slurm_conf = "/etc/slurm/slurm.conf"    # for squeue; default: where squeue looks by itself
slurm_user = "slurm"                    # may tell jobs, besides root
socket = "/run/ringfence/follow.sock"
deadline = 10                           # seconds for a job's compartment to be read back everywhere
every = 5                               # seconds between two looks at squeue
whole_every = 3600                      # seconds between two times that everything is compiled and proven
targets = ["nftables"]                  # default: all that the estate can enforce
overrides = ["/etc/ringfence/overrides.toml"]

[[fabric]]                              # subnet managers on this machine: keys follow jobs
name = "fabric0"
file = "/etc/opensm/partitions.conf"
pid_file = "/run/opensm.pid"
environment = {}                        # for the tools that read tables: a simulator, another device
"""

import pwd
from pathlib import Path
from typing import Annotated

import msgspec

from ringfence.app import settings_file
from ringfence.errors import InputError
from ringfence.wire.jobs import SOCKET

Positive = Annotated[float, msgspec.Meta(gt=0, le=86400)]


class FabricSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One subnet manager: its `partitions.conf`, and the file with its process id."""

    name: str
    file: str
    pid_file: str
    environment: dict[str, str] = {}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings, as above. `site` prefixes host names where several clusters reuse them."""

    cluster: str
    site: str = ""
    slurm_conf: str = ""
    slurm_user: str = ""
    socket: str = SOCKET
    squeue: str = "/usr/bin/squeue"
    deadline: Positive = 10.0
    every: Positive = 5.0
    whole_every: Positive = 3600.0
    targets: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    fabric: tuple[FabricSettings, ...] = ()

    def masters(self) -> frozenset[int]:
        """The user ids of root and the Slurm user. Raises `InputError`."""
        try:
            return frozenset({0, *([pwd.getpwnam(self.slurm_user).pw_uid] if self.slurm_user else [])})
        except KeyError:
            raise InputError(f"no account is called {self.slurm_user!r}", remedy="mend slurm_user") from None


def read(path: Path) -> Settings:
    """The settings in a file. Raises `InputError`."""
    return settings_file.read(path, Settings, "docs/design/churn.md")
