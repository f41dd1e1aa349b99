"""How the files of a fabric are told apart, and how what they name becomes entities.

A fabric's name never comes from inside a file (no tool writes one): it is the cluster's, with the
folder below `fabric/` where a cluster has several, and `ib0` where nothing names it. So all files
of one fabric agree whatever was captured.
"""

import re
from pathlib import PurePosixPath

from ringfence.collect.base import Scope
from ringfence.estate import ids

_ADAPTER = re.compile(
    r"\A(\S{1,120}+)[ ](?:mlx\d{1,2}_\S{1,40}|HCA-\d{1,3}|hfi\d{1,2}_\d{1,3}|ib[ps]\S{1,40}|rocep?\S{1,40})\Z"
)
_SWITCH = re.compile(r"\A(?:[A-Z0-9]{1,8};)?([^;:/\"]{1,120})(?::[^/]{1,40})?(?:/\S{1,20})?\Z")
_NOBODY = ("localhost", "(none)", "node", "host", "unknown")


def fabric_of(path: str, scope: Scope) -> str:
    """The name of the fabric that a path speaks of."""
    parts = PurePosixPath(path).parts
    cluster = scope.cluster_of(path) if "clusters" in parts[:-2] or scope.cluster else ""
    rail = ""
    if "fabric" in parts[:-2]:
        rail = ids.clean(parts[parts.index("fabric") + 1])
    return "/".join(part for part in (cluster, rail) if part) or "ib0"


def is_host_file(path: str) -> bool:
    """Whether the path speaks of one host."""
    return "hosts" in PurePosixPath(path).parts[:-1]


def host_in(description: str, scope: Scope) -> str:
    """The host of an adapter by its node description `gpu0001 mlx5_0`; "" where it names none.

    An adapter that nobody named keeps its maker's text; hosts without a name call themselves
    `localhost`: neither says which machine it is.
    """
    match = _ADAPTER.match(description.strip())
    if match is None or match[1].partition(".")[0].lower() in _NOBODY:
        return ""
    return scope.host(match[1])


def switch_in(description: str, guid: int) -> str:
    """A switch by its name, as its own configuration and its neighbours write it; else by node GUID."""
    match = _SWITCH.match(description.strip())
    generic = not description.strip() or "Technologies" in description or "Infiniscale" in description
    if match is None or generic or "(" in description:
        return f"switch:0x{guid:016x}"
    return switch(match[1])


def switch(name: str) -> str:
    """`switch:leaf01`: lower case, short."""
    return "switch:" + ids.host_name(name)


def switch_port(guid: int, port: int) -> str:
    """An external port of a switch: it has no GUID of its own, so its number follows the switch's."""
    return f"{ids.ibport(guid)}/{port}" if port else ids.ibport(guid)
