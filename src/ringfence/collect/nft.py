"""Reading nftables back: libnftables answers, in the network namespace of the caller.

libnftables resolves `socket cgroupv2` paths below /sys/fs/cgroup, wherever control groups of version 2 are mounted.
On a host that has both versions they are one folder further down; the prefix is put in and taken out here.
"""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

from ringfence.errors import EnforceError, MissingPart

ROOT = "/sys/fs/cgroup"
_PATH = re.compile(r'(socket cgroupv2 level \d+ )"([^"\n]*)"')
_ABSENT = "No such file or directory"
_ONE_AT_A_TIME = Lock()
"""libnftables does not promise that two threads may use it at once, whatever the context (libnftables(3))."""

Entered = Callable[[], AbstractContextManager[object]]


class Nft:
    """libnftables. `entered` is held around every call: it may enter a network namespace."""

    def __init__(self, entered: Entered = nullcontext) -> None:
        try:
            from nftables import Nftables
        except ImportError as error:
            raise MissingPart(
                "the Python binding of nftables is not installed", "pip install ringfence[fence]"
            ) from error
        self._entered = entered
        try:
            with _ONE_AT_A_TIME, entered():
                self._nft: Any = Nftables()
        except OSError as error:
            raise MissingPart("libnftables is not installed", "apt-get install libnftables1") from error
        self._prefix = prefix()

    def run(self, commands: str) -> str:
        """Carry commands out as one transaction. Raises `EnforceError` with what the kernel or nft said."""
        return self._told(_PATH.sub(rf'\g<1>"{self._prefix}\g<2>"', commands))

    def table(self, name: str) -> str:
        """One table in JSON (libnftables-json(5)), "" where it is not loaded."""
        try:
            return self._told(f"list table {name}", json=True)
        except EnforceError as error:
            if _ABSENT in error.what:
                return ""
            raise

    def ours(self) -> str:
        """Our table as text, "" where it is not loaded."""
        return self._list("table inet ringfence")

    def ruleset(self) -> str:
        """Every table as text."""
        return self._list("ruleset")

    def quotas(self) -> str:
        """The quotas of our table, "" where it is not loaded."""
        return self._list("quotas table inet ringfence")

    def _told(self, commands: str, *, json: bool = False) -> str:
        with _ONE_AT_A_TIME, self._entered():
            self._nft.set_json_output(json)
            code, out, err = self._nft.cmd(commands)
        if code:
            raise EnforceError(f"nftables refused: {str(err).strip()[:500]}", _remedy(str(err)))
        return str(out)

    def _list(self, what: str) -> str:
        try:
            text = self.run(f"list {what}")
        except EnforceError as error:
            if _ABSENT in error.what:
                return ""
            raise
        return _PATH.sub(lambda found: f'{found[1]}"{found[2].removeprefix(self._prefix)}"', text)


def prefix(mounts: str = "") -> str:
    """What stands between /sys/fs/cgroup and a path below the cgroup v2 mount: "" or `unified/`."""
    lines = (mounts or Path("/proc/self/mounts").read_text(encoding="utf-8")).splitlines()
    rows = [line.split() for line in lines]
    places = [row[1] for row in rows if row[2:3] == ["cgroup2"] and f"{row[1]}/".startswith(f"{ROOT}/")]
    inside = min(places, default=ROOT)[len(ROOT) + 1 :]
    return f"{inside}/" if inside else ""


def _remedy(said: str) -> str:
    if "cgroupv2 path fails" in said:
        return "the job's control group has to exist before its rules are loaded"
    return "run as root" if "not permitted" in said else "nothing was changed"
