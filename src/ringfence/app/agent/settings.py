"""What an agent is set to: one TOML file. Without the file, the defaults stand.

cluster = "c1"                          # as in the ids of jobs; default: ClusterName of slurm.conf
off = ["conntrack"]                     # sources that are not wanted
spool_mib = 256                         # on disk, while the server is away
rate = 1000                             # events a second of one source; more are dropped and counted
[[watch]]
path = "/data/weights/llama"            # a folder with all below it, or a file
data = "model:llama"                    # the entity that it belongs to; without it, a path like any other
"""

import re
from pathlib import Path
from typing import Annotated

import msgspec

from ringfence.app import settings_file
from ringfence.collect.telemetry.samplers.files import Watched

CREDENTIALS = (
    "/etc/shadow",
    "/etc/munge/munge.key",
    "/etc/slurm/jwt_hs256.key",
    "/etc/kubernetes/admin.conf",
    "/var/lib/kubelet/pki",
    "/root/.ssh",
)
"""Watched unless `credentials` says otherwise."""
SLURM = (Path("/etc/slurm/slurm.conf"), Path("/run/slurm/conf/slurm.conf"), Path("/etc/slurm-llnl/slurm.conf"))
_CLUSTER = re.compile(r"^[ \t]*ClusterName[ \t]*=[ \t]*([\w.-]{1,64})", re.IGNORECASE | re.MULTILINE)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings."""

    cluster: Annotated[str, msgspec.Meta(max_length=64)] = ""
    off: tuple[str, ...] = ()
    spool_mib: Annotated[int, msgspec.Meta(ge=1, le=1 << 16)] = 256
    rate: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1000
    watch: tuple[Watched, ...] = ()
    credentials: tuple[str, ...] = CREDENTIALS

    def watched(self) -> tuple[Watched, ...]:
        """Every folder and file to be watched that is there, credentials included."""
        return (*self.watch, *(Watched(path) for path in self.credentials if Path(path).exists()))


def read(path: Path | None) -> Settings:
    """The settings in a file, or the defaults. Raises `InputError`."""
    found = settings_file.read(path, Settings, "docs/agent.md") if path else Settings()
    return found if found.cluster else msgspec.structs.replace(found, cluster=_cluster())


def _cluster() -> str:
    """The name of the Slurm cluster that this node is of, "" where it is of none."""
    for path in SLURM:
        try:
            match = _CLUSTER.search(path.read_text("utf-8", "replace"))
        except OSError:
            continue
        if match:
            return match[1]
    return ""
