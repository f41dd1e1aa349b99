"""`ringfence postmortem`: an incident, its lines of the journal and the estate, as one account and as a pattern."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.fence.ledger import ORIGIN, Ledger
from ringfence.app.questions import MOVE, Questions
from ringfence.errors import InputError, UsageError
from ringfence.estate.estate import Estate
from ringfence.respond.pattern import Hop, Pattern, pattern_of
from ringfence.respond.postmortem import Link, Postmortem, Stopper, postmortem
from ringfence.store.journal import Line, lines, read
from ringfence.watch.values import Incident

MOST_STOPPERS = 5


class Account(msgspec.Struct, frozen=True):
    """Both files of a postmortem: the account, and the pattern that names nobody."""

    report: Postmortem
    pattern: Pattern


def account(state: Path, incident: Incident, estate: Estate | None = None) -> Account:
    """The account of an incident that is kept, by the fence's journal in `state`. Without an estate no way is known.

    Raises `StateError` for a damaged journal.
    """
    told = lines_of(Ledger(state))
    if estate is None:
        report = postmortem(incident, told, unknown=["no estate was asked: the way and what would have stopped it"])
        return Account(report, pattern_of(incident, (), (), _verbs(report)))
    asked = Questions(estate)
    links, unknown = _links(asked, incident)
    hops = [hop for link in links for hop in link.hops]
    stoppers = _stoppers(asked, incident, hops)
    report = postmortem(incident, told, links, stoppers, unknown)
    stops = [(one.kind, one.what) for one in stoppers]
    return Account(report, pattern_of(incident, _distinct(hops), stops, _verbs(report)))


def _links(asked: Questions, incident: Incident) -> tuple[list[Link], list[str]]:
    """The chain, a link from each position to the next and on to the nearest jewel, and what could not be asked."""
    chain = list(incident.chain)
    jewels = incident.stake.jewels[:1]
    if chain and jewels and not any(one.rpartition("#")[0] == jewels[0] for one in chain):
        chain.append(f"{jewels[0]}#read")
    unknown = [] if len(chain) > 1 else ["the incident has no chain of positions"]
    return [
        Link(start, to, _hops(asked, chain[: at + 1], to)) for at, (start, to) in enumerate(pairwise(chain))
    ], unknown


def _hops(asked: Questions, held: Sequence[str], to: str) -> tuple[Hop, ...]:
    """The cheapest way to a position from what is held by then; none where the estate knows none of it."""
    known = []
    for one in held:
        try:
            asked.footholds([one])
        except UsageError:
            continue
        known.append(one)
    try:
        ways = asked.paths(known, to, 1) if known else []
    except UsageError:
        return ()
    return tuple(map(_hop, ways[0]["steps"])) if ways else ()


def _hop(step: dict[str, Any]) -> Hop:
    because = tuple((one["subject"], one["predicate"], one["object"]) for one in step["because"])
    minutes = MOVE[step["move"]].minutes
    return Hop(tuple(step["from"]), step["to"], step["move"], because, (minutes.low, minutes.high))


def _stoppers(asked: Questions, incident: Incident, hops: Sequence[Hop]) -> list[Stopper]:
    """Choke points that lie on the way, the best first."""
    feet = incident.chain[:1]
    try:
        cuts = asked.choke(feet) if feet and hops else []
    except UsageError:
        return []
    moves = {hop.move for hop in hops}
    entities = {one.rpartition("#")[0] for hop in hops for one in (*hop.start, hop.to)}
    return [
        Stopper(one["kind"], one["entity"], one["jewels_saved"], one["jobs_disturbed"], _end(one))
        for one in cuts
        if one["jewels_saved"] and one["entity"] in (moves if one["kind"] == "move" else entities)
    ][:MOST_STOPPERS]


def _end(cut: dict[str, Any]) -> str:
    return MOVE[cut["entity"]].end if cut["kind"] == "move" else ""


def _distinct(hops: Sequence[Hop]) -> list[Hop]:
    """Each step once, in order."""
    return list(dict.fromkeys(hops))


def _verbs(report: Postmortem) -> list[str]:
    return [one.cut.verb for one in report.cuts if one.stood]


def lines_of(ledger: Ledger) -> list[tuple[int, Line]]:
    """The lines of the journal, each with its number; none where there is none. Raises `StateError`, `InputError`."""
    folder = ledger.folder / "journal"
    if not folder.exists():
        return []
    found = []
    for at, entry in enumerate(read(folder, [ledger.signer.verifier], ORIGIN).entries()):
        try:
            found.append((at, lines.decode(entry)))
        except InputError:
            continue  # the audit's to tell
    return found
