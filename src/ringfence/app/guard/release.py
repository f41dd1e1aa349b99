"""A host is opened: by its own enforcer with a token and no server, or by taking its cuts back."""

import time
from pathlib import Path

import msgspec

from ringfence.app.enforcer.start import asked
from ringfence.app.guard import approve
from ringfence.app.guard.commands import Site, noted, there
from ringfence.app.guard.person import person
from ringfence.errors import UsageError
from ringfence.estate import ids
from ringfence.respond import evidence
from ringfence.respond.act import acts
from ringfence.respond.spent import felt
from ringfence.respond.values import Planned
from ringfence.store import actions

_LIVE = (actions.HELD, actions.PLANNED, actions.DOING, actions.DONE, actions.FAILED)


class Said(msgspec.Struct, frozen=True):
    """Whether the host is open, and what to tell."""

    open: bool
    text: str


def on_node(socket: Path, host: str, token: Path) -> Said:
    """Hand an offline token to the node's own enforcer. Raises `UsageError` where this is another host's."""
    status = asked(socket, "status", "", 0, None).status
    if status is None:
        raise UsageError(f"{socket} is no enforcer of ours", "--socket names it; run this on the node itself")
    if status.host != ids.host(host):
        raise UsageError(f"this is the enforcer of {status.host}, not of {host}", "run it on the node that is cut off")
    answer = asked(socket, "release", "", 0, token)
    return Said(answer.verdict == "done", f"{answer.verdict}: {answer.why}")


def at_server(site: Site, host: str, why: str) -> Said:
    """Take back every cut that is felt on the host; automation leaves it alone for a while. Raises `UsageError`.

    A host on which nothing was ever cut is not known here: nothing is kept then, for its name may be a wrong one.
    A guard that runs does it; where none does it is only asked for, and said so.
    """
    room, entity, who = there(site), ids.host(host), person(site.state)
    database, now = room.ledger.database, time.time()
    ever = [one for one in actions.listed(database) if entity in _felt(one)]
    if not ever:
        said = f"{entity} is not known here: no cut of ours was ever felt on it, and nothing was changed"
        return Said(False, f"{said}; `ringfence respond list` shows what is cut where")
    rows = [one for one in ever if one.state in _LIVE]
    approve.released(room.folder, entity, [one.id for one in rows], who.uid, who.name, why)
    actions.take_back(database, [one.id for one in rows], f"{entity} was released by {who.name}", now)
    line = evidence.released(entity, who.entity, now, why or "at the server", str(now))
    noted(site, line, f"{len(rows)} cuts on {entity} ARE being taken back")
    said = f"{len(rows)} cuts on {entity} are being taken back; `ringfence respond list` shows how far"
    if not rows:
        said = f"nothing is cut on {entity} any more; automation leaves it alone for a while"
    if rows and not acts(database):
        return Said(False, f"{said}. No guard runs on {room.folder}: `ringfence respond undo --all` or a guard does it")
    return Said(True, said)


def _felt(row: actions.Action) -> tuple[str, ...]:
    planned = msgspec.json.decode(row.body, type=Planned)
    return felt(planned.cut, planned.hosts)
