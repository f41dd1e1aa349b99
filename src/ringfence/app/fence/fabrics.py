"""Partition keys as the fence changes them: one enforcer a fabric, whoever manages it, changed in safe sweeps.

        artefact ─▶ the plan that it says ─▶ make, cut, open (each read back on every port) ─▶ the artefact's tables

A way into the fabric is opened for each call and closed after it: nothing outlives a command.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ringfence.collect.ib_tables import TableReader
from ringfence.enforce import files
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.opensm import Opensm
from ringfence.enforce.quarantine_overlay import base
from ringfence.enforce.ufm import Ufm
from ringfence.errors import EnforceError
from ringfence.segment.compile import partitions as conf
from ringfence.segment.compile import ufm as bodies
from ringfence.segment.compile.keys import Key
from ringfence.segment.compile.partitions import OURS, Plan, tables
from ringfence.segment.fabrics import entity
from ringfence.segment.inventory import Fabric
from ringfence.segment.model import Artefact
from ringfence.segment.prove.ib import manager_tables
from ringfence.wire.ibnet import partitions, ufm
from ringfence.wire.ibnet.tables import Seen

if TYPE_CHECKING:
    import httpx

Environment = Mapping[str, str] | None


class OpensmFabric:
    """One fabric under opensm. `seats`: the managers whose files can be changed from here, standby ones first."""

    target = "opensm"

    def __init__(self, fabric: Fabric, seats: Sequence[LocalSeat], environment: Environment = None) -> None:
        self.where, self.hosts = entity(fabric), tuple(seat.host for seat in seats)
        self._fabric, self._seats, self._environment = fabric, tuple(seats), environment

    def read(self) -> str:
        """The file in force, without what is in quarantine."""
        return base(self._seats[-1].text())

    def apply(self, artefact: Artefact) -> None:
        """Lead every table to what the artefact says; a port whose table does not come stops it before it begins."""
        with self._manager() as manager:
            manager.follow(plan_of(self._fabric, artefact.text))

    def restore(self, before: str) -> None:
        """The file as it was; where opensm would have ignored it, the open fabric is written out."""
        with self._manager() as manager:
            manager.restore(before)

    def look(self) -> str:
        """What every port holds, for `prove_opensm`; ports in quarantine are away."""
        with self._manager() as manager:
            return told(manager.without(manager.ports.seen()))

    def before(self) -> conf.Before:
        """What the next file goes on from."""
        return conf.Before(self.read(), _keys(self.where, self.seen()))

    def seen(self) -> Seen:
        """Every table of the fabric now."""
        with self._manager() as manager:
            return manager.ports.seen()

    @contextmanager
    def _manager(self) -> Iterator[Opensm]:
        with TableReader(_within(self._environment)) as reader:
            yield Opensm(self._fabric, self._seats, reader, {})


class UfmFabric:
    """One fabric under UFM. `ledger`: the file with the artefact of our last change, hence which keys are ours."""

    target = "ufm"

    def __init__(self, fabric: Fabric, client: "httpx.Client", ledger: Path, environment: Environment = None) -> None:
        self.where, self.hosts = entity(fabric), fabric.managers
        self._fabric, self._client, self._ledger, self._environment = fabric, client, ledger, environment

    def read(self) -> str:
        """Our keys as UFM has them."""
        with self._manager() as manager:
            return manager.read()

    def apply(self, artefact: Artefact) -> None:
        """Lead every table to what the artefact says; whatever it may set is noted as ours before."""
        ours = ufm.wanted(artefact.text.encode()).ours
        with self._manager() as manager:
            old = self._owned()
            both = ufm.Wanted({**{f"0x{number:04x}": ufm.body(number, {}) for number in old}, **ours})
            files.replace(self._ledger, msgspec.json.encode(both).decode())
            manager.follow(self._plan(artefact.text, ours))
            files.replace(self._ledger, artefact.text)

    def restore(self, before: str) -> None:
        """Bring back what `read` returned."""
        with self._manager() as manager:
            manager.restore(before)
            files.replace(self._ledger, before)

    def look(self) -> str:
        """What every port holds, for `prove_ufm`."""
        with self._manager() as manager:
            return told(manager.ports.seen())

    def before(self) -> bodies.Before:
        """What the next change goes on from."""
        with self._manager() as manager:
            keys = _keys(self.where, manager.ports.seen())
            return bodies.Before(files.text(self._ledger), manager.listed(), keys)

    def _plan(self, text: str, ours: Mapping[str, ufm.Body]) -> Plan:
        keys = tuple(_key(name, one.number, one.members(), one.ip_over_ib, "") for name, one in sorted(ours.items()))
        left = ufm.wanted(text.encode()).left
        listed = tuple(ufm.Listed(one.number, "", one.members()) for one in left)
        return Plan(self._fabric, keys, (), bodies.Before("", listed).held()[0].site)

    def _owned(self) -> frozenset[int]:
        text = files.text(self._ledger)
        return frozenset(one.number for one in ufm.wanted(text.encode()).ours.values()) if text else frozenset()

    @contextmanager
    def _manager(self) -> Iterator[Ufm]:
        with TableReader(_within(self._environment)) as reader:
            yield Ufm(self._fabric, self._client, reader, self._owned(), {})


def plan_of(fabric: Fabric, text: str) -> Plan:
    """The plan that an artefact says. Raises `EnforceError` for a text that no writer of ours made."""
    held, lines = conf.Before(text).held(), text.split("\n")
    members: dict[str, dict[int, str]] = {}
    heads: dict[str, partitions.Stanza] = {}
    for stanza in partitions.read_text(text).stanzas:
        if stanza.name.startswith(OURS) and stanza.name in held.keys:
            heads.setdefault(stanza.name, stanza)
            members.setdefault(stanza.name, {}).update({one.guid: one.membership for one in stanza.members})
    keys = tuple(
        _key(name, one.key, members[name], one.ipoib, lines[one.line - 2].partition("# ")[2])
        for name, one in sorted(heads.items())
    )
    plan = Plan(fabric, keys, held.flags, held.site)
    if tables(plan) != manager_tables(fabric, text):
        raise EnforceError(
            f"this is no file of ours for {fabric.name}", "nothing was changed; compile the policy again"
        )
    return plan


def _keys(where: str, seen: Seen) -> frozenset[int]:
    """Keys that some table holds. Raises `EnforceError` where a table did not come: no key is known to be free."""
    if seen.unread:
        left = tuple(f"ibport:0x{guid:016x}" for guid in seen.unread[:20])
        what = f"{len(seen.unread)} port(s) of {where} do not show their tables: no key is known to be free"
        raise EnforceError(what, "mend or take out the switch that they are cabled to", left)
    return seen.keys()


def told(seen: Seen) -> str:
    """Tables that were read, as text."""
    return msgspec.json.encode({"tables": seen}).decode()


def _key(name: str, number: int, members: Mapping[int, str], ipoib: bool, why: str) -> Key:
    full, limited = (tuple(sorted(guid for guid, how in members.items() if how == one)) for one in ("full", "limited"))
    return Key(name, number, full, limited, ipoib, why)


def _within(environment: Environment) -> dict[str, str] | None:
    return {**os.environ, **environment} if environment else None
