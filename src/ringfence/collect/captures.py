"""A folder tree copied from a cluster → facts, every file recognised by its content.

        walk ─▶ recognise (first collector that claims it) ─▶ collect per format ─▶ Fact | Problem

Nothing in a capture is run, fetched or written; links and anything that is not a plain file are
left out and named.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from ringfence.collect import (
    cloud,
    gpu,
    hosts,
    hosts_inventory,
    infiniband,
    kubernetes,
    ndjson,
    redfish,
    slurm,
    storage,
)
from ringfence.collect.base import CapturedFile, Collector, Found, Scope, read_file, shown
from ringfence.errors import Problem
from ringfence.estate import ids

COLLECTORS: tuple[Collector, ...] = (
    ndjson.COLLECTOR,
    gpu.COLLECTOR,
    infiniband.COLLECTOR,
    hosts_inventory.COLLECTOR,
    kubernetes.COLLECTOR,
    slurm.COLLECTOR,
    cloud.COLLECTOR,
    redfish.COLLECTOR,
    storage.COLLECTOR,
    hosts.COLLECTOR,  # last: plain text that nothing more particular claims
)


_ABOUT = frozenset({"LICENSE", "LICENCE", "COPYING", "NOTICE", "README", "CHANGELOG", "PROVENANCE"})
"""Files about a folder and not of a cluster."""


def collect_tree(root: Path, scope: Scope) -> Iterator[Found]:
    """The facts and problems of every file below `root`."""
    yield from collect_files(read_tree(root), scope)


def collect_files(files: Iterable[CapturedFile | Problem], scope: Scope) -> Iterator[Found]:
    """The facts and problems of captured files, wherever they came from."""
    groups: dict[tuple[int, str], list[CapturedFile]] = {}
    for file in files:
        if isinstance(file, Problem):
            yield file
            continue
        claim = recognise(file)
        if claim is None and PurePosixPath(file.path).stem.upper() in _ABOUT:
            continue
        if claim is None:
            yield Problem(file.path, 0, "not recognised", "no collector knows this format; leave it out or ask for it")
        else:
            groups.setdefault(claim, []).append(file)
    for (at, form), group in groups.items():
        yield from _collected(COLLECTORS[at], form, group, scope)


def _collected(collector: Collector, form: str, group: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """What a collector makes of its files. A fault of ours in one format stops that format alone, and shows."""
    try:
        yield from collector.collect(form, group, scope)
    except Exception as fault:
        what = f"reading {form} failed by a fault of ours: {type(fault).__name__}: {ids.clean(str(fault))}"
        yield from (Problem(file.path, 0, what, "please report it with this message") for file in group)


def recognise(file: CapturedFile) -> tuple[int, str] | None:
    """(index of the collector, format) of the first collector that claims the file."""
    head = file.head
    for at, collector in enumerate(COLLECTORS):
        form = collector.recognise(file.path, head)
        if form:
            return at, form
    return None


def read_tree(root: Path) -> Iterator[CapturedFile | Problem]:
    """Every plain file below `root`, in sorted order; links are named as problems, never followed."""
    for folder, names, files in os.walk(root, followlinks=False):
        names.sort()
        here = Path(folder)
        for name in names:
            if (here / name).is_symlink():
                yield Problem(shown(here / name, root), 0, "a link to a folder was not followed")
        for name in sorted(files):
            yield read_file(here / name, root)
