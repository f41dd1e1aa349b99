"""Accounts and jobs as this host knows them: numbers of users, control groups."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from ringfence.enforce import confine, contain_parts
from ringfence.enforce.contain_held import Lying
from ringfence.errors import EnforceError
from ringfence.wire.contain import OnHost

PATIENCE = 3.0
"""Seconds that the host's directory of accounts may take; the cuts that need no account stand by then."""

_SCOPE = "slurmstepd.scope"


def groups_of(document: OnHost, lying: Lying | None) -> dict[str, contain_parts.Lies]:
    """Where the control groups of each job lie. To put them in force (`lying` None) our own is made first.

    Read back, a job whose groups are all gone is one that has ended: its elements, which match nothing, count.
    """
    jobs = sorted({one.what for one in document.jobs if contain_parts.is_job(one.what)})
    if not jobs:
        return {}
    try:
        root = confine.mount()
        for job in jobs if lying is None else ():
            confine.make(root, job)
    except EnforceError:  # no hierarchy: no job can be named, and none is told to be in force
        return {}
    scopes = [f"{scope}/" for scope in _scopes(root)]
    found: dict[str, contain_parts.Lies] = {}
    for job in jobs:
        paths = (confine.group_of(job), *(f"{scope}job_{job}" for scope in scopes))
        found[job] = tuple((f"jobs{path.count('/') + 1}", path) for path in paths if (root / path).is_dir())
        found[job] = found[job] or tuple(_ended(job, lying or {}))
    return found


def _ended(job: str, lying: Lying) -> Iterator[tuple[str, str]]:
    for name in (f"jobs{level}" for level in contain_parts.JOB_LEVELS):
        yield from ((name, str(key)) for key, one in lying.get(name, {}).items() if one.note == job)


def _scopes(root: Path) -> Iterator[str]:
    """Where slurmd keeps its jobs (cgroup.conf(5)): below the root, or below systemd's slice."""
    for folder in (root, root / "system.slice"):
        if folder.is_dir():
            yield from (str(one.relative_to(root)) for one in folder.glob(f"*{_SCOPE}") if '"' not in one.name)


def uids_of(names: list[str]) -> dict[str, int]:
    """What the host's directory says of accounts (getent(1)); those it does not know in time are left out."""
    asked = [name for name in names if name.isprintable() and not name.startswith("-")]
    if not asked:
        return {}
    try:
        done = subprocess.run(
            ("getent", "passwd", *asked),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return {}
    rows = [line.split(":") for line in done.stdout.splitlines()]
    return {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[0] in asked and row[2].isdigit()}
