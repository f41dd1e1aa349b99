"""The hard cut: one leaf port is switched off, and the host behind it is gone from the fabric at once.

        document ─▶ the port's place, noted ─▶ disable ─▶ the leaf's port says Disabled

The last resort of containment, where milliseconds count; quarantine by partition keys keeps management and is
undone by a sweep. On real switches `restore` brings the link up again. ibsim 0.10 never does so in the same run, so
no test here shows the way back. A port that is off is in no `ibnetdiscover`: where it is is noted before it is cut.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ringfence.collect.ib_tables import TableReader
from ringfence.enforce.kept import Kept
from ringfence.enforce.quarantine_held import guids, ports_of
from ringfence.errors import EnforceError, MissingPart
from ringfence.segment.fabrics import entity, guid_of
from ringfence.segment.inventory import Fabric
from ringfence.segment.model import Artefact
from ringfence.wire import contain
from ringfence.wire.contain import Until
from ringfence.wire.ibnet.tables import Place

PATIENCE = 10.0
OFF, UP = "Disabled", "LinkUp"
"""Physical states of a port (IBA 14.2.5.6)."""

_STATE = re.compile(rb"^PhysLinkState:\.*(\w+)", re.MULTILINE)

Environment = Mapping[str, str] | None


def cut(place: Place, environment: Environment = None, folder: str | None = None) -> None:
    """Switch the leaf port of this place off. Raises `EnforceError` where the switch did not take it."""
    _asked(place, ("ibportstate", str(place.leaf_lid), str(place.leaf_port), "disable"), environment, folder)


def restore(place: Place, environment: Environment = None, folder: str | None = None) -> None:
    """Switch it on again."""
    _asked(place, ("ibportstate", str(place.leaf_lid), str(place.leaf_port), "enable"), environment, folder)


def state(place: Place, environment: Environment = None, folder: str | None = None) -> str:
    """The physical state of the leaf port, `OFF` or `UP` or another. Raises `EnforceError`."""
    command = ("smpquery", "portinfo", str(place.leaf_lid), str(place.leaf_port))
    found = _STATE.search(_asked(place, command, environment, folder))
    return found[1].decode() if found else ""


class _Cut(msgspec.Struct, frozen=True):
    """The places of leaf ports that are off because of us."""

    off: tuple[Place, ...] = ()


class LeafPorts:
    """Target `ports`, for one fabric. `ledger`: the file that remembers which are off, and where."""

    target = "ports"

    def __init__(
        self, fabric: Fabric, ledger: Path, environment: Environment = None, folder: str | None = None
    ) -> None:
        self.where, self.left = entity(fabric), tuple[str, ...]()
        self._managers = frozenset(map(guid_of, fabric.manager_ports))
        self._kept = Kept(ledger, _Cut)
        self._environment = {**os.environ, **environment} if environment else None
        self._folder = folder

    def read(self) -> str:
        """The document of those that are off now, as their leaf switches say."""
        off = [one for one in self._kept.load().off if self._state(one) == OFF]
        return contain.encode(contain.Ports(tuple(sorted(f"0x{one.guid:016x}" for one in off))))

    def apply(self, artefact: Artefact) -> None:
        """Switch off what the document names, and on again what it does not name any more."""
        wanted = guids(ports_of(Until(one) for one in contain.decode(artefact.text, contain.Ports).off))
        if own := wanted & self._managers:
            raise EnforceError("the port of a subnet manager is not switched off", left=tuple(map(_name, sorted(own))))
        known = {one.guid: one for one in self._kept.load().off}
        there = {one.guid: one for one in self._places()} if wanted ^ known.keys() else {}
        lost = sorted(wanted - known.keys() - there.keys())
        known |= {guid: there[guid] for guid in wanted - known.keys() if guid in there}
        self._kept.save(_Cut(tuple(known[guid] for guid in sorted(known))))
        for guid in sorted(wanted & known.keys()):
            if self._state(known[guid]) != OFF:
                self._cut(known[guid])
        self.left = ()
        for guid in sorted(known.keys() - wanted):
            self._on(_moved(known.pop(guid), there))
            self._kept.save(_Cut(tuple(known[guid] for guid in sorted(known))))
        if lost:
            what = f"{len(lost)} port(s) are not on {self.where}: nobody knows where to cut them"
            raise EnforceError(what, "is the host down, or its GUID another one?", tuple(map(_name, lost)))

    def restore(self, before: str) -> None:
        """The same: what `read` returned is a document."""
        self.apply(Artefact(self.target, before, (self.where,)))

    def _cut(self, place: Place) -> None:
        cut(place, self._environment, self._folder)
        if (said := self._state(place)) != OFF:
            what = f"the leaf port of {_name(place.guid)} was switched off and is {said or 'silent'}"
            raise EnforceError(what, "pull the cable", (_name(place.guid),))

    def _on(self, place: Place) -> None:
        restore(place, self._environment, self._folder)
        if (said := self._state(place)) != UP:
            told = f"{_name(place.guid)}: switched on, its leaf port is {said or 'silent'}; it may need a hand"
            self.left = (*self.left, told)

    def _state(self, place: Place) -> str:
        return state(place, self._environment, self._folder)

    def _places(self) -> tuple[Place, ...]:
        with TableReader(self._environment, self._folder) as reader:
            return reader.places()


def _moved(place: Place, there: Mapping[int, Place]) -> Place:
    """The place by what its leaf switch is called now: LIDs change, GUIDs do not."""
    lid = next((one.leaf_lid for one in there.values() if one.switch == place.switch), place.leaf_lid)
    return msgspec.structs.replace(place, leaf_lid=lid)


def _name(guid: int) -> str:
    return f"ibport:0x{guid:016x}"


def _asked(place: Place, command: tuple[str, ...], environment: Environment, folder: str | None) -> bytes:
    """What the tool prints. Raises `EnforceError`, `MissingPart`."""
    port = f"port {place.leaf_port} of the switch with LID {place.leaf_lid}"
    try:
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, timeout=PATIENCE, check=False)
    except FileNotFoundError:
        raise MissingPart(f"{command[0]} is not installed", "install infiniband-diags") from None
    except subprocess.TimeoutExpired:
        raise EnforceError(f"{port} did not answer within {PATIENCE:.0f} s", "pull the cable", (port,)) from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        what = f"{port}: {command[-1]} failed: {said[-1] if said else 'no reason given'}"
        raise EnforceError(what, "", (port,))
    return done.stdout
