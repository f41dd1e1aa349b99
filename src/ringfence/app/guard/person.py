"""Which person runs a command: two people are two numbers of accounts.

uid ─▶ root, or the account that keeps the guard's folder? ─▶ SUDO_UID (sudo(8)) says for whom ─▶ Person

This is against mistakes: who is root, or holds the folder, can name anybody, and can write the folder itself anyhow.
"""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

import msgspec

_LAST_UID = 0xFFFF_FFFE


class Person(msgspec.Struct, frozen=True):
    """An account by its number, and its name here; the number as text where it has none."""

    uid: int
    name: str

    @property
    def entity(self) -> str:
        """How the journal calls this person: `identity:uid/1001`."""
        return f"identity:uid/{self.uid}"


def person(folder: Path, uid: int | None = None, said: Mapping[str, str] | None = None) -> Person:
    """Who runs this command on a guard's folder. `uid`, `said`: the process's own and its environment, unless given."""
    mine = os.getuid() if uid is None else uid
    behind = (os.environ if said is None else said).get("SUDO_UID", "")
    if behind.isascii() and behind.isdigit() and len(behind) <= 10 and _shared(mine, folder):
        mine = int(behind) if int(behind) <= _LAST_UID else mine
    try:
        return Person(mine, pwd.getpwuid(mine).pw_name)
    except (KeyError, OverflowError):
        return Person(mine, str(mine))


def _shared(uid: int, folder: Path) -> bool:
    """Whether several people may work by this account here."""
    try:
        return uid == 0 or folder.stat().st_uid == uid
    except OSError:
        return False
