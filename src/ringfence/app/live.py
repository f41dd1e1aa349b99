"""Collecting from live systems: this machine's own read-only tools, and the services that are named.

Every answer becomes a `CapturedFile` under the path that a capture would give it, and goes through
the same collectors. Nothing is written anywhere; every question has a time limit.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes

import msgspec

from ringfence.app.survey import Progress, Survey, survey_files
from ringfence.collect import gpu_nvml, kubernetes_live, redfish_live, slurm_live
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.captures import QUESTIONS
from ringfence.collect.probe import run
from ringfence.errors import Problem


@dataclass(frozen=True)
class LiveTargets:
    """Which services to ask beside this machine. Credentials come from files, never from arguments.

    Parameters
    ----------
    slurmrestd
        Base URL of a slurmrestd (https, or loopback).
    slurm_token_file
        A file with the JWT for it.
    redfish
        Base URL of a management controller (repeatable).
    redfish_credentials
        A file with `user:password` for them, mode 0600.
    kubernetes
        Ask the cluster of this kubeconfig context ("current" for the current one).
    """

    slurmrestd: str = ""
    slurm_token_file: Path | None = None
    redfish: tuple[str, ...] = ()
    redfish_credentials: Path | None = None
    kubernetes: str = ""


def survey_live(targets: LiveTargets, scope: Scope, progress: Progress | None = None) -> Survey:
    """The estate of what answers here and now."""
    scope = msgspec.structs.replace(scope, salt=scope.salt or token_bytes(16))
    return survey_files(_answers(targets, scope, progress), scope, progress)


def _answers(targets: LiveTargets, scope: Scope, progress: Progress | None) -> Iterator[CapturedFile | Problem]:
    host = socket.gethostname().partition(".")[0]
    for number, answer in enumerate(run(QUESTIONS, host, scope.salt), 1):
        if progress:
            progress("answers", number, 0)
        yield answer
