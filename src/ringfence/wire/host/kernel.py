"""The kernel's own words: its command line and `sysctl -a` (or `key = value` of chosen keys)."""

import re
from collections.abc import Mapping

from ringfence.errors import InputError
from ringfence.wire import safe

_CMDLINE = re.compile(rb"^(?:BOOT_IMAGE=|root=|ro |rw |initrd=|\\|console=|quiet)[^\n]*\n?$")
_SYSCTL = re.compile(rb"(?m)^(?:kernel|net|fs|vm|user|dev)\.[\w./-]+[ \t]*=[ \t]*")
_GROUPS = re.compile(rb"/sys/kernel/iommu_groups/?(?:\n|\Z)")


def looks_like(path: str, head: bytes) -> str:
    """One of "cmdline", "sysctl", "iommu-groups" or ""."""
    if _GROUPS.match(head):
        return "iommu-groups"
    if _SYSCTL.match(head.lstrip()):
        return "sysctl"
    name = path.rpartition("/")[2]
    one_line = head.strip().count(b"\n") == 0 and b"=" in head
    return "cmdline" if one_line and (name == "cmdline" or _CMDLINE.match(head)) else ""


def cmdline(data: bytes) -> Mapping[str, str]:
    """Parameters, the last of a name winning; "" for one without a value. Raises `InputError`."""
    text = safe.bounded(data).decode("utf-8", "replace").strip("\0\n ")
    if "\n" in text or len(text) > 65536:
        raise InputError("not a kernel command line: it is one line", remedy="capture /proc/cmdline")
    pairs = (word.partition("=") for word in text.split())
    return {name: value.strip('"') for name, _, value in pairs}


def sysctl(data: bytes) -> Mapping[str, str]:
    """Values by key. Lines without `=` (keys that root alone may read) are skipped."""
    found = {}
    for _, line in safe.lines(data):
        name, equals, value = line.partition("=")
        if equals and name.strip():
            found[name.strip()] = value.strip()
    return found


def iommu_groups(data: bytes) -> int:
    """How many groups `find /sys/kernel/iommu_groups -maxdepth 1` lists. Raises `InputError`."""
    names = [line.strip().rpartition("/iommu_groups/")[2] for _, line in safe.lines(data) if line.strip()]
    return sum(name.isascii() and name.isdecimal() for name in set(names))


def iommu(parameters: Mapping[str, str]) -> str:
    """One of "off", "pt", "on" or "" where the command line leaves it to the kernel's default."""
    words = {parameters.get(name, "") for name in ("iommu", "intel_iommu", "amd_iommu")}
    flags = {flag for word in words for flag in word.split(",")}
    if "off" in flags:
        return "off"
    if "pt" in flags or parameters.get("iommu.passthrough") == "1":
        return "pt"
    return "on" if flags & {"on", "force", "force_isolation", "sm_on"} or parameters.get("iommu.strict") == "1" else ""
