"""What a container's securityContext leaves it: the privileges that hold on its host.

Defaults as the API documents them: root unless runAsUser or runAsNonRoot says otherwise (an
image's own USER cannot be seen here and counts as root: unknown is never safe). A capability is
effective only for root, and only on the host while the pod has no user namespace of its own
(hostUsers: false). Windows pods have none of these.
"""

import posixpath
from collections.abc import Iterator

from ringfence.collect.kubernetes import hostpaths
from ringfence.wire.kubernetes.shapes import Container, PodSpec

_PRIVILEGED = ("DAC_READ_SEARCH", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO")
"""Capabilities that moves ask for and that a privileged container has."""


def privileges(spec: PodSpec, container: Container) -> Iterator[str]:
    """Values of `runs_with`, host-effective ones only."""
    if spec.os is not None and spec.os.name == "windows":
        return
    if spec.host_pid:
        yield "host_pid"
    if spec.host_network:
        yield "host_network"
    if spec.host_ipc:
        yield "host_ipc"
    if spec.share_process_namespace and not spec.host_pid:
        yield "share_pid"
    if not is_root(spec, container):
        return
    yield "root"
    if spec.host_users is False:
        return
    security = container.security_context
    if security is not None and security.privileged:
        yield "privileged"
        yield from (f"cap:{name}" for name in _PRIVILEGED)
        return
    added = security.capabilities.add if security is not None and security.capabilities is not None else None
    names = sorted({name.upper().removeprefix("CAP_") for name in added or ()})
    if "ALL" in names:
        names = sorted({*_PRIVILEGED, *names} - {"ALL"})
    yield from (f"cap:{name}" for name in names)


def user(spec: PodSpec, container: Container) -> int | None:
    """The user number that the manifest sets, if it does: the container's before the pod's."""
    for security in (container.security_context, spec.security_context):
        if security is not None and security.run_as_user is not None:
            return security.run_as_user
    return None


def is_root(spec: PodSpec, container: Container) -> bool:
    """Whether it may run as user 0."""
    number = user(spec, container)
    if number is not None:
        return number == 0
    for security in (container.security_context, spec.security_context):
        if security is not None and security.run_as_non_root is not None:
            return not security.run_as_non_root
    return True


def host_path(path: str, writable: bool, whole_tree: bool = True) -> dict[str, bool]:
    """What lies in or above a mounted host path (`hostpaths`), as attributes of `mounts_host_path`.

    `code`: root of the host runs what is written there; `homes`: accounts run it; `identity`: the
    kubelet's key; `secrets`: the host's own secrets; `socket`: a container runtime's socket;
    `etcd`: the cluster's database; `logs`: the pods' logs, writable; `pods`: other pods' volumes;
    `kernel`: core_pattern, writable (below `/` even where the mount is read-only, because a
    read-only mount leaves the mounts beneath it as they are, unless `whole_tree` is False:
    recursiveReadOnly). Only those that hold are named.
    """
    path = normal(path)
    obeyed = writable and not hostpaths.is_data(path)
    private = not hostpaths.is_public(path)
    code = obeyed and hostpaths.gives(path, hostpaths.CODE)
    found = {
        "code": code,
        "homes": obeyed and not code and hostpaths.gives(path, hostpaths.HOMES),
        "identity": private and hostpaths.gives(path, hostpaths.IDENTITY),
        "secrets": private and hostpaths.gives(path, hostpaths.SECRETS),
        "socket": hostpaths.gives(path, hostpaths.SOCKETS),
        "logs": writable and hostpaths.gives(path, hostpaths.LOGS),
        "pods": hostpaths.gives(path, hostpaths.PODS),
        "etcd": hostpaths.lies_within(path, hostpaths.ETCD),
        "kernel": hostpaths.gives(path, hostpaths.KERNEL) and (writable or (path == "/" and whole_tree)),
    }
    return {name: True for name, holds in found.items() if holds}


def normal(path: str) -> str:
    """The path without `.`, `..` and doubled slashes; `/var/run` is `/run`, as on every current distribution."""
    path = posixpath.normpath("/" + path.lstrip("/"))
    return path.removeprefix("/var") if path == "/var/run" or path.startswith("/var/run/") else path
