"""Probes: the read-only questions asked of a live system, each written down once.

The same table drives `ringfence collect --live` (run here, now) and `ringfence capture-script`
(a POSIX shell script that an administrator reads and runs). Either way the answer lands under the
same capture path, and the same collectors read it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from time import time

import msgspec

from ringfence.collect.base import CapturedFile
from ringfence.errors import Problem

MOST_OUTPUT = 64 << 20


class Probe(msgspec.Struct, frozen=True):
    """One read-only command.

    `path` is where the answer lands in a capture; `{host}` in it stands for the short host name.
    `argv` never goes through a shell. `where` says which machine has the answer: "node" (every
    node class), "head" (scheduler controller), "fabric" (subnet manager host), "kube" (a place
    with kubectl), "storage" (file server).
    """

    path: str
    argv: tuple[str, ...]
    where: str = "node"
    timeout_s: int = 30


class ReadFile(msgspec.Struct, frozen=True):
    """Files copied whole: a shell glob without spaces. Never used for secrets."""

    path: str
    glob: str
    where: str = "node"


class HashFile(msgspec.Struct, frozen=True):
    """A secret: only its mode, owner and salted hash are captured, as `mode owner sha256:… path`."""

    path: str
    glob: str
    where: str = "node"


Question = Probe | ReadFile | HashFile


def run(probes: Iterable[Probe], host: str) -> Iterator[CapturedFile | Problem]:
    """Ask each probe here, one after the other. What fails becomes a `Problem`; nothing hangs."""
    for probe in probes:
        yield ask(probe, host)


def ask(probe: Probe, host: str) -> CapturedFile | Problem:
    """One answer, or why there is none."""
    shown = " ".join(probe.argv)
    if shutil.which(probe.argv[0]) is None:
        return Problem(shown, 0, "not installed here", "run the capture script on the machine that has it")
    try:
        done = subprocess.run(
            probe.argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=probe.timeout_s,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Problem(shown, 0, f"gave no answer in {probe.timeout_s} s", "ask again, or capture it by hand")
    except OSError as error:
        return Problem(shown, 0, f"did not start: {error.strerror}")
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        return Problem(shown, 0, f"exit status {done.returncode}" + (f": {said[0][:200]}" if said else ""))
    if len(done.stdout) > MOST_OUTPUT:
        return Problem(shown, 0, "answered more than 64 MiB")
    return CapturedFile(probe.path.replace("{host}", host), done.stdout, time())
