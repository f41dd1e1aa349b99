"""What a listening program is, and whether it asks callers who they are."""

import re

from ringfence.collect.hosts_bundle import Bundle
from ringfence.wire.host import jupyter, kubelet, runtime, sockets

_PROGRAMS: tuple[tuple[str, str], ...] = (
    ("sshd", "ssh"),
    ("slurmctld", "slurmctld"),
    ("slurmdbd", "slurmdbd"),
    ("slurmrestd", "slurmrestd"),
    ("slurmd", "slurmd"),
    ("raylet", "ray"),
    ("gcs_server", "ray"),
    ("ray", "ray"),
    ("jupyter", "jupyter"),
    ("mlflow", "mlflow"),
    ("tritonserver", "triton"),
    ("dcgm-exporter", "dcgm-exporter"),
    ("nv-hostengine", "dcgm"),
    ("kubelet", "kubelet"),
    ("kube-apiserver", "kube-api"),
    ("etcd", "etcd"),
    ("dockerd", "docker"),
    ("registry", "registry"),
    ("redis-server", "redis"),
    ("tensorboard", "tensorboard"),
    ("ringfence", "ringfence"),
    ("rpc.mountd", "nfs"),
    ("nfsd", "nfs"),
    ("nginx", "http"),
    ("httpd", "http"),
    ("apache2", "http"),
    ("prometheus", "http"),
    ("grafana", "http"),
)

_PORTS = {
    22: "ssh", 6817: "slurmctld", 6818: "slurmd", 6819: "slurmdbd", 6820: "slurmrestd", 8265: "ray", 10001: "ray",
    8888: "jupyter", 5555: "dcgm", 9400: "dcgm-exporter", 10250: "kubelet", 6443: "kube-api", 2379: "etcd",
    2375: "docker", 2376: "docker", 6379: "redis", 6006: "tensorboard", 2049: "nfs", 80: "http", 443: "http",
}  # fmt: skip
"""Registered or default ports, used only where the program is unknown or an interpreter."""

_HEALTH = {("kubelet", 10248)}
"""(kind, port) of an endpoint that says `ok` to everyone, and nothing else."""

_INTERPRETERS = ("python", "gunicorn", "uvicorn", "node", "java", "docker-proxy", "rootlessport", "systemd", "xinetd")

NEVER_ASKS = {
    "ray": "Ray checks no caller unless RAY_AUTH_MODE=token is set",
    "triton": "Triton has no accounts; a proxy must check callers",
    "dcgm": "nv-hostengine checks no caller",
    "dcgm-exporter": "the exporter checks no caller unless it is given a web configuration",
    "tensorboard": "TensorBoard has no accounts",
}
"""Programs that let every caller in by default, and why we say so."""


def kind_of_service(one: sockets.Socket) -> str:
    """The kind of service, "" for a program that says nothing to an attacker.

    The program's name decides; the port only where the name is missing or an interpreter.
    """
    names = [name for name, _ in one.programs]
    for name in names:
        for prefix, kind in _PROGRAMS:
            if name == prefix or name.startswith((f"{prefix}:", f"{prefix}-", f"{prefix} ")):
                return "" if (kind, one.port) in _HEALTH else kind
    if names and not any(name.startswith(_INTERPRETERS) for name in names):
        return ""
    if one.protocol == "udp":
        return ""
    if one.port == 5000 and names:
        return "registry" if names[0].startswith("docker-proxy") else "mlflow"
    return _PORTS.get(one.port, "")


def authentication(bundle: Bundle, kind: str, one: sockets.Socket) -> tuple[str, str]:
    """(how callers prove themselves, why we say so); ("", reason) where it could not be told."""
    if kind == "jupyter":
        return _jupyter(bundle, one.port)
    if kind == "docker":
        plain = one.port == 2375 and not _tls(bundle)
        return ("none", "dockerd serves plain TCP without client certificates") if plain else ("mtls", "TLS port")
    if kind == "mlflow":
        command = command_of(bundle, "mlflow")
        if not command:
            return "", "how the server was started was not captured"
        asks = "basic-auth" in command or "--app-name" in command
        return ("password", "started with an authentication app") if asks else ("none", "started without --app-name")
    if kind == "kubelet":
        return _kubelet(bundle, one.port)
    if kind == "slurmrestd" and any(name.startswith("slurmrestd") for name, _ in one.programs):
        return "token", "over TCP slurmrestd takes JSON web tokens alone: rest_auth/local is for UNIX sockets"
    if kind == "ray" and "RAY_AUTH_MODE=token" in unit_text(bundle):
        return "token", "RAY_AUTH_MODE=token"
    if kind in NEVER_ASKS:
        return "none", NEVER_ASKS[kind]
    if kind in ("redis", "etcd", "registry", "http"):
        return "", "its configuration was not captured"
    return "", ""


def _jupyter(bundle: Bundle, port: int) -> tuple[str, str]:
    found = [config for _, config in bundle.read("jupyter", jupyter.config)]
    matching = [config for config in found if config.port in (0, port)]
    if not matching:
        return "", "no jupyter_*_config was captured"
    if any(config.open for config in matching):
        return "none", "token and password are empty"
    return "token", "a token or a password is asked for"


def _kubelet(bundle: Bundle, port: int) -> tuple[str, str]:
    if port == 10255:
        return "none", "the read-only port asks nobody"
    texts = [unit.text() for unit in bundle.forms.get("kubelet-flags", ())] + [command_of(bundle, "kubelet")]
    flags = [flag for text in texts if (flag := kubelet.anonymous_flag(text)) is not None]
    configs = [config for _, config in bundle.read("kubelet", kubelet.config)]
    if any(flags) or (not flags and any(config.anonymous for config in configs)):
        return "none", "anonymous callers are let in"
    if not flags and not configs:
        return "", "the kubelet's configuration was not captured"
    tokens = all(config.webhook for config in configs)
    return "token" if tokens else "mtls", "anonymous callers are refused"


def _tls(bundle: Bundle) -> bool:
    return any(bool(config.get("tlsverify")) for _, config in bundle.read("docker", runtime.docker))


def unit_text(bundle: Bundle) -> str:
    """All systemd units of the host as one text."""
    return "\n".join(file.text() for file in bundle.forms.get("unit", ()))


def command_of(bundle: Bundle, program: str) -> str:
    """The ExecStart line that starts a program, "" if no unit does."""
    found = re.search(rf"(?m)^ExecStart=[^\n]{{0,2000}}?\b{re.escape(program)}\b[^\n]{{0,4000}}$", unit_text(bundle))
    return found[0] if found else ""
