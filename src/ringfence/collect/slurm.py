"""Slurm's own answers and files → facts.

        files ─▶ sniffed and read, each on its own ─▶ which cluster each speaks of ─▶ facts per cluster

All Slurm files of a capture are looked at together: a node's cgroup.conf does not say which cluster
it serves, and who may submit depends on slurm.conf and the accounts at once.
"""

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

import msgspec

from ringfence.collect import slurm_facts
from ringfence.collect.base import CapturedFile, Collector, Found, Scope, stamped
from ringfence.collect.slurm_questions import QUESTIONS
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.wire.slurm import conf, rest, show, small, sniff, tables

__all__ = ["COLLECTOR", "QUESTIONS", "collect", "recognise"]

_READERS: dict[str, Callable[[bytes], Any]] = {
    "json": rest.read,
    "openapi": small.openapi,
    "refused": small.refused,
    "node-text": show.read,
    "job-text": show.read,
    "partition-text": show.read,
    "config-text": conf.shown,
    "slurm-conf": conf.read,
    "slurmdbd-conf": small.slurmdbd,
    "cgroup-conf": small.cgroup,
    "gres-conf": small.gres,
    "topology-conf": small.topology,
    "topology-yaml": small.topology_yaml,
    "keys": small.keys,
    "assoc-text": tables.sacctmgr,
    "sacct-text": tables.sacct,
    "sreport-text": tables.sreport,
}
"""Format → reader. Every value may have `cluster`, the name that the file itself gives."""


class Read(msgspec.Struct, frozen=True):
    """One file that was read. `value` is what its reader returned."""

    file: CapturedFile
    form: str
    value: Any


def recognise(path: str, head: bytes) -> str:
    """Claim all of them as one format, "slurm": they are understood together."""
    return "slurm" if sniff.form(path, head) else ""


def collect(form: str, files: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """Facts of every file, cluster by cluster; what does not parse is a `Problem`."""
    done: list[Read] = []
    known: dict[tuple[str, bytes], Any] = {}
    for file in files:
        kind = sniff.form(file.path, file.head)
        if not kind:
            yield Problem(file.path, 0, "not recognised as Slurm's")
            continue
        try:
            if (kind, file.data) not in known:
                known[kind, file.data] = _READERS[kind](file.data)
            done.append(Read(file, kind, known[kind, file.data]))
        except InputError as error:
            yield Problem.of(file.path, error)
        except RecursionError:
            yield Problem(file.path, 0, "nested too deeply", "the file is damaged or hostile")
    said: set[tuple[str, str, str, str]] = set()
    for cluster, reads in _by_cluster(done, scope).items():
        for found in _facts(cluster, reads, scope):
            if isinstance(found, Fact):
                # several commands tell the same thing: the first is its source
                same = (
                    found.subject,
                    found.predicate,
                    found.object,
                    repr(found.attributes) if found.attributes else "",
                )
                if same in said:
                    continue
                said.add(same)
            yield found


def _facts(cluster: str, reads: list[Read], scope: Scope) -> Iterator[Found]:
    """All or nothing per file."""
    about = slurm_facts.About.of(cluster, scope, [(read.form, read.file.path, read.value) for read in reads])
    for read in reads:
        try:
            found = list(slurm_facts.facts(read.form, read.value, read.file.path, about))
        except InputError as error:
            yield Problem.of(read.file.path, error)
            continue
        for each in found:
            yield each if isinstance(each, Problem) else stamped(each, read.file)
    if reads:
        yield from (stamped(fact, reads[0].file) for fact in slurm_facts.together(about))


def _by_cluster(reads: list[Read], scope: Scope) -> dict[str, list[Read]]:
    """A file that names no cluster belongs to the one cluster named in its folder, or above it."""
    named: dict[PurePosixPath, set[str]] = {}
    for read in reads:
        name = _own_name(read)
        if name:
            for folder in PurePosixPath(read.file.path).parents:
                named.setdefault(folder, set()).add(name)
    groups: dict[str, list[Read]] = {}
    for read in reads:
        near = next((named[at] for at in PurePosixPath(read.file.path).parents if at in named), set())
        only = next(iter(near)) if len(near) == 1 else ""
        groups.setdefault(_own_name(read) or only or scope.cluster_of(read.file.path), []).append(read)
    return groups


def _own_name(read: Read) -> str:
    return ids.clean(getattr(read.value, "cluster", ""))


COLLECTOR = Collector("slurm", recognise, collect, ("scheduler-key",))
