"""Which software in which version: os-release, version banners, package lists."""

import re
from collections.abc import Mapping

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_BANNERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "nvidia-container-toolkit",
        re.compile(r"NVIDIA Container (?:Toolkit CLI|Runtime Hook|Runtime) version v?([\w.+~-]{1,60})"),
    ),
    ("containerd", re.compile(r"containerd \S{0,80} v?([\d][\w.+~-]{0,60})")),
    ("runc", re.compile(r"runc version v?([\w.+~-]{1,60})")),
    ("crun", re.compile(r"crun version v?([\w.+~-]{1,60})")),
    ("docker", re.compile(r"Docker version v?([\w.+~-]{1,60})")),
    ("podman", re.compile(r"podman version v?([\w.+~-]{1,60})")),
    ("apptainer", re.compile(r"apptainer version v?([\w.+~-]{1,60})")),
    ("singularity", re.compile(r"singularity(?:-ce|-pro)? version v?([\w.+~-]{1,60})")),
    ("enroot", re.compile(r"enroot v?(\d[\w.+~-]{0,60})")),
    ("linux", re.compile(r"Linux \S{1,80} ([\w.+~-]{1,80})")),
    ("sudo", re.compile(r"Sudo version ([\w.+~-]{1,60})")),
    ("openssh", re.compile(r"OpenSSH_([\w.+~-]{1,60})")),
)
_DPKG_L = re.compile(r"^[hpriu][inucfhWt][ R]\s+(\S+)\s+(\S+)\s+")
_LISTED = re.compile(r"^(dpkg|rpm) (\S{1,120}) (\S{1,120})(?: (\S+))?\s*$")


class Package(msgspec.Struct, frozen=True):
    """One piece of software. `source` is dpkg, rpm or banner."""

    name: str
    version: str
    source: str


def looks_like(path: str, head: bytes) -> str:
    """One of "os-release", "packages", "banner", "uname" or ""."""
    text = head.decode("utf-8", "replace").lstrip()
    first = text.partition("\n")[0]
    if re.search(r"(?m)^ID=", text) and re.search(r"(?m)^(?:PRETTY_NAME|VERSION_ID|NAME)=", text):
        return "os-release"
    if _LISTED.match(first) or first.startswith("Desired=Unknown/Install"):
        return "packages"
    if any(pattern.match(first) for _, pattern in _BANNERS):
        return "banner"
    is_uname = path.rpartition("/")[2] in ("uname", "uname-r", "kernel-release") and re.fullmatch(
        r"\d{1,9}\.\d{1,9}\S*", first.strip()
    )
    return "uname" if is_uname else ""


def os_release(data: bytes) -> Mapping[str, str]:
    """Its variables (os-release(5)), unquoted."""
    found = {}
    for _, line in safe.lines(data):
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name] = value.strip("\"'")
    return found


def packages(data: bytes) -> tuple[Package, ...]:
    """Installed packages of `dpkg -l`, or `dpkg NAME VERSION` / `rpm NAME VERSION` lines. Raises `InputError`."""
    found = []
    for number, line in safe.lines(data):
        if match := _LISTED.match(line):
            if match[1] == "rpm" or not match[4] or match[4].startswith("ii"):
                found.append(Package(match[2].partition(":")[0], match[3], match[1]))
        elif match := _DPKG_L.match(line):
            if line.startswith("ii"):
                found.append(Package(match[1].partition(":")[0], match[2], "dpkg"))
        elif line.strip() and not line.startswith(("Desired=", "|", "+++", "dpkg", "rpm", "un ", "rc ", "pn ")):
            raise InputError("not a line of a package list", line=number, remedy="capture it with: dpkg -l")
    return tuple(found)


def banner(data: bytes) -> tuple[Package, ...]:
    """What `PROGRAM --version` or `uname -a` said, line by line; lines of another shape are passed over."""
    found = []
    for _, line in safe.lines(data):
        for name, pattern in _BANNERS:
            match = pattern.match(line.strip())
            if match:
                found.append(Package(name, match[1].rstrip(",."), "banner"))
                break
    return tuple(found)


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version for comparing: `1.17.4-1` → (1, 17, 4). Empty if there are none."""
    upstream = version.rpartition(":")[2].lstrip("v")
    match = re.match(r"\d{1,9}(?:\.\d{1,9}){0,5}", upstream)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
