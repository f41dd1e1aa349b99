"""What an enforcer is set to: one TOML file, `enforcer.toml`. Without the file, the defaults stand.

on_outage = "hold"            # or "allow": a job's gate when our own side does not answer in time
deadline = 30                 # seconds
look = 10                     # seconds between two looks at whether what was applied still stands
slurm_user = "slurm"          # may ask everything that root may, besides root
socket = "/run/ringfence/enforcer.sock"
"""

import pwd
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from ringfence.app import settings_file
from ringfence.collect.processes import STEPPERS
from ringfence.errors import InputError
from ringfence.wire.hooks import SOCKET


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings; `enforcer` are the tables that name drivers, as in `fence.toml`."""

    on_outage: Literal["allow", "hold"] = "hold"
    deadline: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 30.0
    look: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 10.0
    slurm_user: str = ""
    socket: str = SOCKET
    steppers: tuple[str, ...] = STEPPERS
    enforcer: tuple[dict[str, Any], ...] = ()

    def masters(self) -> frozenset[int]:
        """The user ids of those who may ask everything: root and the Slurm user. Raises `InputError`."""
        if not self.slurm_user:
            return frozenset({0})
        try:
            return frozenset({0, pwd.getpwnam(self.slurm_user).pw_uid})
        except KeyError:
            raise InputError(f"no account is called {self.slurm_user!r}", remedy="mend slurm_user") from None


def read(path: Path) -> Settings:
    """The settings in a file. Raises `InputError`."""
    return settings_file.read(path, Settings, "docs/design/enforcer.md")
