"""Keys that an attack comes to, and ssh with them, between machines of the lab."""

import os
import shutil
from pathlib import Path

from ringfence.app.lab import parts
from ringfence.app.lab.layout import Account
from ringfence.app.lab.stage import LONGEST, Stage

_CONFIG = """Host *
  BatchMode yes
  ConnectTimeout 5
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  LogLevel ERROR
"""


def config(stage: Stage) -> Path:
    """A configuration of ssh that asks nothing and remembers nothing."""
    place = stage.folder / "ssh.conf"
    place.write_text(_CONFIG)
    place.chmod(0o644)
    return place


def ssh(stage: Stage, key: str, *to: str, command: str, via: str = "") -> list[str]:
    """The command line of a login; `to` as `ACCOUNT@HOST`. What it starts there is bounded in time."""
    jump = ["-J", via] if via else []
    return ["ssh", "-F", str(config(stage)), "-i", key, *jump, *to, f"timeout {LONGEST:.0f} sh -c '{command}'"]


def found_key(stage: Stage, account: Account, holder: Account, place: Path) -> None:
    """A private key that admits to an account everywhere lies at `place`, readable by `holder`; until the trial ends.

    Keys that people leave in shared homes are how intruders go on from host to host.
    """
    made = stage.folder / f"{account.name}.key"
    if not made.exists():
        parts.keygen(made)
        line = made.with_suffix(".key.pub").read_text()
        parts.admit(stage.layout, account, line)
        stage.afterwards(lambda: _refuse(stage, account, line))
    shutil.copyfile(made, place)
    place.chmod(0o600)
    os.chown(place, holder.uid, holder.uid)
    stage.afterwards(lambda: place.unlink(missing_ok=True))


def home(stage: Stage, account: Account) -> Path:
    """Where an account's home lies; `/home/NAME` on every machine but the workstation."""
    return stage.layout.shared / "home" / account.name


def _refuse(stage: Stage, account: Account, line: str) -> None:
    """Take the key's line out of `authorized_keys`, and the file where nothing else is in it."""
    file = home(stage, account) / ".ssh" / "authorized_keys"
    left = file.read_text().replace(line, "")
    if left:
        file.write_text(left)
    else:
        file.unlink()
