"""What the journal says of an incident, and whether it can be relied on: as signed, without gaps, by its witnesses."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ringfence.app.fence.ledger import ORIGIN
from ringfence.app.guard import alerts
from ringfence.app.guard.postmortem import lines_of
from ringfence.app.guard.room import Room
from ringfence.errors import RingfenceError
from ringfence.respond import evidence
from ringfence.respond.evidence import incident_of
from ringfence.store.journal import Line, check


class Told(msgspec.Struct, frozen=True):
    """What the journal says of an incident: its lines, whether all of it is as it was signed, and in which words."""

    lines: tuple[Line, ...]
    whole: bool
    said: tuple[str, ...]

    def last(self, what: str) -> Mapping[str, Any]:
        """The detail of the latest line of this kind."""
        return next((one.detail for one in reversed(self.lines) if one.what == what), {})


def told_of(room: Room, named: str, status: alerts.Status | None) -> Told:
    """The lines of an incident, and whether the evidence is whole."""
    folder, said, whole = room.folder / "journal", [], True
    lines: list[tuple[int, Line]] = []
    if not folder.exists():
        return Told((), True, ("there is no journal: nothing was written down yet",))
    try:
        problems = check(folder, [room.ledger.signer.verifier], ORIGIN)
        lines = lines_of(room.ledger)
    except RingfenceError as error:
        whole, said = False, [f"NOT WHOLE: the journal cannot be read: {error}"]
    else:
        own = sum(named in incident_of(one) for _, one in lines)
        whole = not problems
        said += [f"NOT WHOLE: {one}" for one in problems[:3]]
        said += [] if problems else [f"whole: {own} lines of this incident among {len(lines)}, as they were signed"]
    if status and (status.waiting or status.lost):
        said.append(f"{status.waiting} lines wait for room on disk, {status.lost} are lost")
        whole = whole and not status.lost
    refused = {name: text for name, text in _witnesses(lines, status).items() if not text.startswith("kept")}
    said += [f"WITNESS {name}: {text}" for name, text in refused.items()]
    mine = tuple(one for _, one in lines if named in incident_of(one))
    return Told(mine, whole and not any(one.startswith("rewritten") for one in refused.values()), tuple(said))


def _witnesses(lines: Iterable[tuple[int, Line]], status: alerts.Status | None) -> dict[str, str]:
    """Witness → what it said last: as the guard's status has it, else the journal."""
    found = {
        one.subject.removeprefix("service:"): str(one.detail.get("said", ""))
        for _, one in lines
        if one.what == evidence.WITNESS
    }
    return found | (status.witnesses if status else {})
