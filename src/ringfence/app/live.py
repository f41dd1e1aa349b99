"""Collecting from live systems: this machine's own read-only tools, and the services that are named.

Every answer becomes a `CapturedFile` under the path that a capture would give it, and goes through
the same collectors. Nothing is written anywhere; every question has a time limit.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from urllib.parse import urlsplit

import msgspec

from ringfence.app.survey import Progress, Survey, survey_files
from ringfence.collect import gpu_nvml, kubernetes_live, redfish_live, slurm_live
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.probe import run
from ringfence.collect.questions import QUESTIONS
from ringfence.errors import Problem, UsageError


@dataclass(frozen=True)
class LiveTargets:
    """Which services to ask beside this machine. Credentials come from files, never from arguments.

    Parameters
    ----------
    slurmrestd
        Address of a slurmrestd: https, loopback, or unix:/path.
    slurm_token_file
        A file with the JWT for it.
    redfish
        Address of a management controller (repeatable).
    redfish_secret_file
        A file with `account:password` for them, mode 0600.
    redfish_ca_file
        Authorities to trust for them, PEM.
    redfish_fingerprint
        SHA-256 of the certificate of a controller that signs its own (one controller only).
    kubernetes
        Ask the cluster of this kubeconfig context ("current" for the current one).
    """

    slurmrestd: str = ""
    slurm_token_file: Path | None = None
    redfish: tuple[str, ...] = ()
    redfish_secret_file: Path | None = None
    redfish_ca_file: Path | None = None
    redfish_fingerprint: str = ""
    kubernetes: str = ""


def survey_live(targets: LiveTargets, scope: Scope, progress: Progress | None = None) -> Survey:
    """The estate of what answers here and now."""
    scope = msgspec.structs.replace(scope, salt=scope.salt or token_bytes(16))
    return survey_files(_counted(_answers(targets, scope), progress), scope, progress)


def _counted(answers: Iterator[CapturedFile | Problem], progress: Progress | None) -> Iterator[CapturedFile | Problem]:
    for number, answer in enumerate(answers, 1):
        if progress:
            progress("answers", number, 0)
        yield answer


def _answers(targets: LiveTargets, scope: Scope) -> Iterator[CapturedFile | Problem]:
    host = socket.gethostname().partition(".")[0]
    yield from run(QUESTIONS, host, scope.salt)
    if Path("/proc/driver/nvidia/version").exists():
        yield from gpu_nvml.answers(host)
    if targets.slurmrestd:
        yield from slurm_live.live_rest(targets.slurmrestd, _secret(targets.slurm_token_file))
    for url in targets.redfish:
        name = urlsplit(url).hostname or url
        secret, ca_file = targets.redfish_secret_file, targets.redfish_ca_file
        yield from redfish_live.read(redfish_live.Target(name, url, secret, ca_file, targets.redfish_fingerprint))
    if targets.kubernetes:
        yield from kubernetes_live.live(targets.kubernetes)


def _secret(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{path} cannot be read", "it holds the token alone") from None
