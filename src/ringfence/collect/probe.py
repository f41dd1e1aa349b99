"""Probes: the read-only questions asked of a live system, each written down once.

The same table drives `ringfence collect --live` (run here, now) and `ringfence capture-script`
(a POSIX shell script that an administrator reads and runs). Either way the answer lands under the
same capture path, and the same collectors read it.
"""

import glob
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import time

import msgspec

from ringfence.collect.base import CapturedFile, read_file
from ringfence.collect.keep import kept
from ringfence.errors import Problem
from ringfence.estate import ids
from ringfence.wire.host.hashed import salted

MOST_OUTPUT = 64 << 20

FOLLOWED = ("/etc/", "/opt/slurm/", "/cm/shared/apps/slurm/")
"""Folders of system configuration, where root's links are followed."""


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
    """Files copied whole: a shell glob without spaces. Never used for secrets.

    Where `keep` names a filter of `collect.keep`, only what it lets through is copied.
    """

    path: str
    glob: str
    where: str = "node"
    keep: str = ""


class HashFile(msgspec.Struct, frozen=True):
    """A secret: only its mode, owner and salted hash are captured, as `mode owner sha256:… path`."""

    path: str
    glob: str
    where: str = "node"


Question = Probe | ReadFile | HashFile


def run(questions: Iterable[Question], host: str, salt: bytes) -> Iterator[CapturedFile | Problem]:
    """Ask each question here, one after the other. What fails becomes a `Problem`; nothing hangs.

    Tools that are not installed and files that do not exist are left out silently: most machines
    have few of them, and the coverage says which aspects were answered.
    """
    for question in questions:
        if isinstance(question, Probe):
            answer = ask(question, host) if shutil.which(question.argv[0]) else None
            if answer is not None:
                yield answer
        elif isinstance(question, ReadFile):
            yield from _copied(question, host)
        else:
            yield from _hashed(question, host, salt)


def _copied(question: ReadFile, host: str) -> Iterator[CapturedFile | Problem]:
    for name in sorted(glob.glob(question.glob)):
        path = Path(name)
        plain = followed(path)
        found = read_file(plain, plain.parent)
        if isinstance(found, Problem):
            yield Problem(name, 0, found.what, found.remedy)
            continue
        data = kept(question.keep, found.data) if question.keep else found.data
        if data or not question.keep:
            yield CapturedFile(_place(question.path, host, path), data, found.observed_at)


def followed(path: Path) -> Path:
    """The file to read: a link's target where root made the link and owns the target, else the path itself.

    Only below system folders: in a home, an account could point its link at a secret.
    """
    try:
        if not str(path).startswith(FOLLOWED) or not path.is_symlink() or path.lstat().st_uid != 0:
            return path
        target = path.resolve(strict=True)
        about = target.stat()
    except (OSError, RuntimeError):
        return path
    return target if stat.S_ISREG(about.st_mode) and about.st_uid == 0 else path


def _hashed(question: HashFile, host: str, salt: bytes) -> Iterator[CapturedFile | Problem]:
    """`mode owner sha256:<salted hash> path` per file: the same line that the capture script writes."""
    lines = []
    for name in sorted(glob.glob(question.glob)):
        path = Path(name)
        found = read_file(path, path.parent)
        if isinstance(found, Problem):
            yield Problem(name, 0, found.what, found.remedy)
            continue
        about = path.stat()
        digest = salted(found.data, salt)
        lines.append(f"{about.st_mode & 0o7777:04o} {_owner(about.st_uid)} sha256:{digest} {ids.clean(name)}\n")
    if lines:
        yield CapturedFile(_place(question.path, host, Path(question.glob)), "".join(lines).encode(), time())


def _place(path: str, host: str, source: Path) -> str:
    """Where the answer lands; a path ending in `/` takes the file's own name, `{source}` is its whole path."""
    placed = path.replace("{host}", host).replace("{source}", str(source).lstrip("/"))
    return placed + source.name if placed.endswith("/") else placed


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def ask(probe: Probe, host: str) -> CapturedFile | Problem | None:
    """One answer, why there is none, or None where there is nothing to tell."""
    shown = ids.clean(" ".join(probe.argv))[:90]
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
    if not done.stdout and b"No such file or directory" in done.stderr:
        return None
    partial = probe.argv[0] == "find" and done.stdout  # it exits 1 for one folder that it may not enter
    if done.returncode != 0 and not partial:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        return Problem(shown, 0, f"exit status {done.returncode}" + (f": {ids.clean(said[0])[:120]}" if said else ""))
    if len(done.stdout) > MOST_OUTPUT:
        return Problem(shown, 0, "answered more than 64 MiB")
    return CapturedFile(probe.path.replace("{host}", host), done.stdout, time()) if done.stdout.strip() else None
