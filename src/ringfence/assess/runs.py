"""Which phase of a run each piece of work is, and so when what it touches is exposed.

        writes a dataset                                   ingest
        reads a dataset, writes a model or checkpoint      pre-train
        writes a checkpoint, or starts from one            checkpoint
        reads weights and writes none                      evaluate, or export where it serves them
        writes a model                                     export

When: from accounting (`used_gpu_hours` with `since`, `until`) or from labels `start=` and `end=`, in seconds since the
epoch; 0 where neither is there.
"""

from collections.abc import Container, Iterable

import msgspec

from ringfence.estate.estate import Estate
from ringfence.estate.kinds import kind_of
from ringfence.estate.stamps import moment

_WEIGHTS = ("model", "checkpoint")
_SERVES = ("pod", "container", "service")
_LABELS = {"start": 0, "end": 1}


class Run(msgspec.Struct, frozen=True):
    """One job, pod, container or service: what it loads and saves, its phases, and from when to when (0: not known)."""

    work: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    phases: tuple[str, ...]
    since: float = 0.0
    until: float = 0.0


class Window(msgspec.Struct, frozen=True):
    """A phase in which something is touched, by how many runs, from when to when as far as that is known."""

    phase: str
    runs: int
    since: float = 0.0
    until: float = 0.0
    still: bool = False
    """Some of the runs have no known end."""


def runs(estate: Estate) -> list[Run]:
    """Everything that loads or saves data, by name."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for at, predicate in enumerate(("reads", "writes")):
        for fact in estate.facts(predicate):
            found.setdefault(fact.subject, ({}, {}))[at][fact.object] = None
    when = times(estate, found)
    return [
        Run(work, tuple(sorted(read)), tuple(sorted(written)), phases(work, read, written), *when.get(work, (0.0, 0.0)))
        for work, (read, written) in sorted(found.items())
    ]


def phases(work: str, reads: Iterable[str], writes: Iterable[str]) -> tuple[str, ...]:
    """The phases of one piece of work, in their order."""
    read, written = {kind_of(one) for one in reads}, {kind_of(one) for one in writes}
    saves, loads = written & set(_WEIGHTS), read & set(_WEIGHTS)
    found = {
        "ingest": "dataset" in written,
        "pre-train": "dataset" in read and bool(saves),
        "checkpoint": "checkpoint" in written | read,
        "evaluate": bool(loads) and not saves and kind_of(work) not in _SERVES,
        "export": "model" in written or (bool(loads) and not saves and kind_of(work) in _SERVES),
    }
    return tuple(name for name, holds in found.items() if holds)


def times(estate: Estate, works: Container[str]) -> dict[str, tuple[float, float]]:
    """Work → (since, until), of these as far as accounting or labels tell; 0 for the side that they do not."""
    found: dict[str, list[float]] = {}
    for fact in estate.facts("used_gpu_hours"):
        for name, at in (("since", 0), ("until", 1)):
            told = moment(fact.attributes.get(name))
            if fact.subject in works and told is not None:
                found.setdefault(fact.subject, [0.0, 0.0])[at] = told
    for fact in estate.facts("labelled"):
        name, _, value = fact.object.partition("=")
        if fact.subject in works and name in _LABELS and value.isascii() and value.isdigit():
            found.setdefault(fact.subject, [0.0, 0.0])[_LABELS[name]] = float(value)
    return {work: (since, until) for work, (since, until) in found.items()}


def windows(known: Iterable[Run], touched: str, wanted: Iterable[str]) -> list[Window]:
    """In which of the phases wanted `touched` (data, or the work itself) is exposed, and when."""
    mine = [run for run in known if touched in (run.work, *run.reads, *run.writes)]
    found = []
    for phase in wanted:
        here = [run for run in mine if phase in run.phases]
        since = [run.since for run in here if run.since]
        until = [run.until for run in here if run.until]
        if here:
            still = len(until) < len(here)
            found.append(Window(phase, len(here), min(since, default=0.0), max(until, default=0.0), still))
    return found
