"""How long it takes to carry a model off: its size over what its holders can send outside.

A holder is a host that mounts or serves the storage that the weights lie on. It sends through its own uplink where
the estate knows one, else through the networks that it is attached to; a network's uplink is shared by all holders
on it and counts once. Summed over all: every way out used at once, the fastest that anyone could be.
"""

from collections.abc import Iterable
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.estate.estate import Estate, Rows, rows_of
from ringfence.estate.kinds import OUTSIDE

_SECONDS, _BITS, _MEGA = 3600.0, 8.0, 1e6


class Uplink(msgspec.Struct, frozen=True):
    """One way outside: a host's own, or a network's. `mbit_s` is None where the estate does not know it."""

    of: str
    mbit_s: float | None


class WaysOut(msgspec.Struct, frozen=True):
    """Who holds a thing and how they send outside, whatever its size.

    `links`: per holder the speed in Mbit/s of its ways outside together, 0 where none of them is known; a holder
    without one is left out. `mbit_s`: of all of them at once, each shared one counted once; None where no speed is
    known. `unrated`, `silent`: as in `Exfiltration`. `rows`: facts that say where it lies and who holds it.
    """

    holders: tuple[str, ...]
    links: dict[str, float]
    mbit_s: float | None
    unrated: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()


class Exfiltration(msgspec.Struct, frozen=True):
    """What it takes to carry one model off.

    `hours` per holder that has a known way outside, through that alone; `together` over all of them at once. Both
    are None or left out where no way is known. `unrated` are ways outside without a known speed, `silent` holders of
    which nobody said how they are attached: with either, less time may be needed than `together`.
    """

    model: str
    size_bytes: int
    holders: tuple[str, ...]
    hours: dict[str, float]
    together: float | None
    unrated: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether every way outside of every holder is known with its speed. Without any holder nothing is."""
        return bool(self.holders) and not self.unrated and not self.silent


def hours(estate: Estate, model: str) -> Exfiltration | None:
    """Hours from each holder and from all at once; None where its size or its place is not known."""
    return Uplinks(estate).of(model)


class Uplinks:
    """The ways outside of an estate, looked up once for many models."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._holders: dict[int, tuple[list[int], list[int]]] = {}

    def of(self, model: str) -> Exfiltration | None:
        """See `hours`."""
        said = self.sizes(model)
        out = self.ways(model) if said else None
        if out is None:
            return None
        size = max(size for _, size in said)
        per = {holder: _hours(size, mbit) for holder, mbit in out.links.items() if mbit}
        together = _hours(size, out.mbit_s) if out.mbit_s else None
        rows = tuple(dict.fromkeys([*(row for row, _ in said), *out.rows]))
        return Exfiltration(model, size, out.holders, per, together, out.unrated, out.silent, rows)

    def sizes(self, model: str) -> list[tuple[int, int]]:
        """(row, bytes) of every size that was said of it."""
        rows = _rows(self._estate, "size_bytes", "subject", [self._estate.terms.find(model)])
        texts = [(row, self._estate.fact(row).object) for row in rows]
        return [(row, int(text)) for row, text in texts if text.isascii() and text.isdigit()]

    def ways(self, model: str) -> WaysOut | None:
        """Who holds it and how they send outside; None where its place is not known."""
        estate, term = self._estate, self._estate.terms.find(model)
        places = _rows(estate, "stored_on", "subject", [term])
        if not places:
            return None
        held, rows = self._held({int(estate.table("stored_on").object[row & _LOW]) for row in places})
        links = {holder: self._links(holder) for holder in held}
        names = estate.terms.values
        rated = {at: mbit for found in links.values() for at, mbit in found.items() if mbit}
        unrated = {at for found in links.values() for at, mbit in found.items() if not mbit}
        return WaysOut(
            tuple(sorted(names[one] for one in held)),
            {names[one]: _sum(found.values()) for one, found in links.items() if found},
            sum(rated.values()) if rated else None,
            tuple(sorted(names[at] for at in unrated)),
            tuple(sorted(names[one] for one in held if not links[one] and one not in self._answered)),
            tuple(dict.fromkeys([*places, *rows])),
        )

    def _held(self, storages: Iterable[int]) -> tuple[list[int], list[int]]:
        """(hosts that hold these storages, rows that say so)."""
        hosts: dict[int, None] = {}
        rows: list[int] = []
        for storage in storages:
            if storage not in self._holders:
                self._holders[storage] = self._hosts(storage)
            hosts |= dict.fromkeys(self._holders[storage][0])
            rows += self._holders[storage][1][:_MOST]
        return list(hosts), rows

    def _hosts(self, storage: int) -> tuple[list[int], list[int]]:
        estate, hosts, found = self._estate, dict[int, None](), list[int]()
        for predicate, side, other in (("mounts", "object", "subject"), ("exported_by", "subject", "object")):
            rows = _rows(estate, predicate, side, [storage])
            ends = getattr(estate.table(predicate), other)[np.array(rows, np.int64) & _LOW]
            for row, end in zip(rows, ends.tolist(), strict=True):
                if estate.terms.values[end].startswith("host:"):
                    hosts[end] = None
                    found.append(row)
        return list(hosts), found

    def _links(self, host: int) -> dict[int, float]:
        """The ways outside of one host: its own before those of its networks; 0 for one of unknown speed."""
        if host in self._out:
            return {host: self._out[host]}
        return {network: self._out[network] for network in self._networks.get(host, ()) if network in self._out}

    @cached_property
    def _out(self) -> dict[int, float]:
        """Per host or network that reaches outside its speed in Mbit/s, the fastest said; 0 where none is."""
        table, outside = self._estate.table("reaches_outside"), self._estate.terms.find(OUTSIDE)
        found: dict[int, float] = {}
        for at in table.live.tolist():
            if table.object[at] == outside:
                told = self._estate.attributes_of(int(table.attributes[at])).get("mbit_s", 0)
                speed = float(told) if isinstance(told, int | float) else 0.0
                subject = int(table.subject[at])
                found[subject] = max(found.get(subject, 0.0), speed)
        return found

    @cached_property
    def _networks(self) -> dict[int, list[int]]:
        table = self._estate.table("attached_to")
        found: dict[int, list[int]] = {}
        for subject, network in zip(table.subject[table.live].tolist(), table.object[table.live].tolist(), strict=True):
            found.setdefault(subject, []).append(network)
        return found

    @cached_property
    def _answered(self) -> set[int]:
        """Hosts that told their addresses and routes."""
        table, aspect = self._estate.table("asked"), self._estate.terms.find("addresses")
        at = table.find("object", np.array([aspect], np.int32))[1]
        told = [bool(self._estate.attributes_of(int(table.attributes[one])).get("answered")) for one in at]
        return {int(table.subject[one]) for one, answered in zip(at.tolist(), told, strict=True) if answered}


_LOW = 0xFFFFFFFF
_MOST = 16
"""So many holders of one storage are named as evidence; all of them count."""


def _rows(estate: Estate, predicate: str, side: str, terms: list[int]) -> list[int]:
    at: NDArray[np.int64] = estate.table(predicate).find(side, np.array(terms, np.int32))[1]
    rows: Rows = rows_of(predicate, at)
    return rows.tolist()  # type: ignore[no-any-return]


def _sum(speeds: Iterable[float]) -> float:
    return float(sum(speeds))


def _hours(size: int, mbit_s: float) -> float:
    return size * _BITS / (mbit_s * _MEGA) / _SECONDS
