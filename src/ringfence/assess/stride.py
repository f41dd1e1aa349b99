"""STRIDE per data flow: which of the six kinds of harm is open on it, and by which threat.

A flow has two ends and what lies between: the work that loads or saves, its hosts and accelerators, its image, the
data, and the storage it lies on. A kind of harm is open on a flow where a threat of that kind is open on any of these;
mitigated where one is, and all others are too; unknown else; not there where no threat of that kind is about them.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from ringfence.assess.exposure import ORDER, Exposure
from ringfence.assess.threat import State, Stride
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact

_NOT = len(ORDER)
_PARTS = ("runs_on", "uses_gpu", "uses_image", "in_cluster")
_MOST_PARTS = 20_000


class Flow(msgspec.Struct, frozen=True):
    """Data on its way. `kind`: loads, saves (a job, pod, container or service) or serves (storage to its clients).

    `parts` are all things that it passes through, both ends among them; `fact` is the one that says there is a flow.
    """

    kind: str
    source: str
    target: str
    parts: tuple[str, ...]
    fact: Fact


class Harm(msgspec.Struct, frozen=True):
    """How one kind of harm stands on a flow, and the threats that make it so."""

    kind: Stride
    state: State
    threats: tuple[str, ...]


def flows(estate: Estate) -> Iterator[Flow]:
    """Every flow that facts tell: loads, then saves, then what storage serves."""
    around = {name: _objects(estate, name) for name in _PARTS}
    places = _objects(estate, "stored_on")
    for kind, predicate in (("loads", "reads"), ("saves", "writes")):
        for fact in sorted(estate.facts(predicate), key=lambda one: (one.subject, one.object)):
            ends = (fact.object, fact.subject) if kind == "loads" else (fact.subject, fact.object)
            work = [part for name in _PARTS for part in around[name].get(fact.subject, ())]
            parts = dict.fromkeys((*ends, *work[:_MOST_PARTS], *places.get(fact.object, ())))
            yield Flow(kind, *ends, tuple(parts), fact)
    clients = _objects(estate, "mounts", "object")
    for fact in sorted(estate.facts("stored_on"), key=lambda one: (one.subject, one.object)):
        mounted = clients.get(fact.object, ())[:_MOST_PARTS]
        target = mounted[0] if len(mounted) == 1 else f"{len(mounted)} clients"
        if mounted:
            yield Flow("serves", fact.subject, target, (fact.subject, fact.object, *mounted), fact)


def _objects(estate: Estate, predicate: str, by: str = "subject") -> Mapping[str, list[str]]:
    table, names = estate.table(predicate), estate.terms.values
    other = "object" if by == "subject" else "subject"
    found: dict[str, list[str]] = {}
    for one, that in zip(getattr(table, by)[table.live], getattr(table, other)[table.live], strict=True):
        found.setdefault(names[one], []).append(names[that])
    return found


def harms(estate: Estate, exposed: Sequence[Exposure], wanted: Sequence[Flow]) -> list[tuple[Flow, tuple[Harm, ...]]]:
    """Each flow with the kinds of harm that some threat could do to it."""
    tables = []
    for one in exposed:
        table = np.full(len(estate.terms), _NOT, np.int8)
        table[one.subjects] = one.state
        tables.append((one.threat, table))
    found = []
    for flow in wanted:
        parts = np.array([estate.terms.find(part) for part in flow.parts], np.int64)
        parts = parts[parts >= 0]
        stands = [(threat, int(table[parts].min(initial=_NOT))) for threat, table in tables]
        by_kind = [(kind, [(one.id, at) for one, at in stands if kind in one.stride and at < _NOT]) for kind in Stride]
        found.append((flow, tuple(_harm(kind, about) for kind, about in by_kind if about)))
    return found


def _harm(kind: Stride, about: Sequence[tuple[str, int]]) -> Harm:
    worst = min(at for _, at in about)
    return Harm(kind, ORDER[worst], tuple(name for name, at in about if at == worst))
