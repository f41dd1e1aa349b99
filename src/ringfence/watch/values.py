"""What is passed on: signals, incidents, and where a signal comes from."""

from collections.abc import Mapping

import msgspec

DETECTOR, RULE = "detector", "rule"


class Signal(msgspec.Struct, frozen=True):
    """One thing that a rule or detector noticed.

    `name` is `RF.D…` or the Sigma rule's id. `key` names what it is about: the same name and key within a while is the
    same signal again. `entities` are entity ids, the one it happened on first. `sources` are the enrolled sources whose
    events it rests on. `time` is when what it saw happened, `since` when that began, in microseconds since the epoch.
    `severity` 0 to 100 before the estate is asked; `confidence` 0 to 1. `holds` are positions `entity#capability` that
    an attacker now has if it is true. `evidence` are `(source, seq)` of events, at most 16. `threats`, `atlas`,
    `attack` are ids. `count` is how many alike it stands for. `urgent` marks a containable kind. `peers` are the
    addresses at the other end.
    """

    name: str
    kind: str
    title: str
    key: str
    time: int
    entities: tuple[str, ...]
    sources: tuple[str, ...]
    why: str
    severity: int = 50
    confidence: float = 0.5
    since: int = 0
    holds: tuple[str, ...] = ()
    evidence: tuple[tuple[str, int], ...] = ()
    threats: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    count: int = 1
    urgent: bool = False
    peers: tuple[str, ...] = ()


class Stake(msgspec.Struct, frozen=True):
    """What is at stake from some positions, by the estate.

    `jewels` in reach, nearest first; `minutes` low and high to the nearest; `hops` to it. `known` is false where the
    estate does not know the positions or there is no estate: then nothing here means that it is safe.
    """

    jewels: tuple[str, ...] = ()
    hops: int = 0
    minutes: tuple[float, float] = (0.0, 0.0)
    known: bool = False


class Incident(msgspec.Struct, frozen=True):
    """Signals that belong together.

    `id` is derived from its first signal, so that a replay makes the same one. `state` is `open`, `closed` or
    `dismissed`. `version` counts changes. `chain` is the order in which positions were taken. `phase` is what the jobs
    on its hosts were doing. `sources` are the independent ones: one stands for one enrolled key. `suppressed` counts
    signals that benign habit explains.
    """

    id: str
    title: str
    state: str
    version: int
    opened: int
    updated: int
    severity: int
    confidence: float
    entities: tuple[str, ...]
    signals: tuple[Signal, ...]
    chain: tuple[str, ...] = ()
    stake: Stake = Stake()
    phase: str = ""
    sources: tuple[str, ...] = ()
    threats: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    suppressed: int = 0
    why: Mapping[str, str] = {}
