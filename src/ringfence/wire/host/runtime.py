"""Container runtimes: NVIDIA's config.toml, Docker's daemon.json, apptainer.conf, enroot.conf."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from ringfence.errors import InputError
from ringfence.wire import safe

_TOOLKIT = re.compile(rb"(?m)^[ \t]*+(?:\[nvidia-container-(?:cli|runtime)|#?[ \t]*+accept-nvidia-visible-devices)")
_APPTAINER = re.compile(
    rb"(?m)^[ \t]*+(?:allow setuid|max loop devices|allow pid ns|mount proc|user bind control)[ \t]*+="
)
_ENROOT = re.compile(rb"(?m)^[ \t]*+#?[ \t]*+ENROOT_[A-Z_]")
_DOCKER_KEYS = {"runtimes", "hosts", "userns-remap", "default-runtime", "data-root", "log-driver", "storage-driver"}
_DOCKER_KEYS |= {"insecure-registries", "exec-opts", "live-restore", "iptables", "tlsverify", "no-new-privileges"}


def looks_like(path: str, head: bytes) -> str:
    """One of "toolkit", "docker", "apptainer", "enroot" or ""."""
    if _TOOLKIT.search(head):
        return "toolkit"
    if _APPTAINER.search(head):
        return "apptainer"
    if _ENROOT.search(head):
        return "enroot"
    return "docker" if path.rpartition("/")[2] == "daemon.json" and head.lstrip()[:1] == b"{" else ""


def toolkit(data: bytes) -> Mapping[str, str]:
    """`section.key` → value of `/etc/nvidia-container-runtime/config.toml`. Raises `InputError`."""
    try:
        found = tomllib.loads(safe.bounded(data).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"not TOML: {safe.type_name(error)}", remedy="capture the file again") from None
    return dict(_flat(found, "", 0))


def _flat(table: Mapping[str, Any], prefix: str, depth: int) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            if depth < 16:
                out += _flat(value, f"{name}.", depth + 1)
        else:
            out.append((name, str(value).lower() if isinstance(value, bool) else str(value)))
    return out


def docker(data: bytes) -> Mapping[str, Any]:
    """`/etc/docker/daemon.json`. Raises `InputError`."""
    found = safe.json(data)
    if not isinstance(found, dict):
        raise InputError("not a daemon.json: it is an object")
    return found


def keyed(data: bytes) -> Mapping[str, str]:
    """`name = value` lines of apptainer.conf, `NAME value` lines of enroot.conf; the first of a name counts."""
    found: dict[str, str] = {}
    for _, line in safe.lines(data):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        name, equals, value = text.partition("=")
        if not equals:
            name, _, value = text.partition(" ")
        found.setdefault(name.strip(), value.strip())
    return found
