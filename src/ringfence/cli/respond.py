"""`ringfence respond …`: what would be done about an incident, doing it, taking it back, and how it stands."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from ringfence.app.estates import open_estate
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity
from ringfence.cli.extra import needs_fence, needs_watch
from ringfence.cli.fence.change import SITE, STATE, Really, Site, StateFolder
from ringfence.cli.watch import HOME, Home
from ringfence.errors import UsageError

if TYPE_CHECKING:
    from ringfence.app.guard import commands
    from ringfence.app.guard.responder import Answer
    from ringfence.app.guard.undoing import Dry

respond = App(
    name="respond",
    help="Say what would end an incident, do it, take it back.",
    result_action="return_value",
)
FAILED, HELD = 1, 3
Settings = Annotated[
    Path | None,
    Parameter(name=["--settings"], env_var="RINGFENCE_GUARD", help="The limits (default guard.toml in the state)."),
]


def site_of(
    state: Path = STATE, home: Path = HOME, site: Path = SITE, settings: Path | None = None, estate: Path | None = None
) -> "commands.Site":
    """Where the guard, the watch, the enforcers, the limits and the estate are."""
    with needs_watch(), needs_fence():
        from ringfence.app.guard.commands import Site as Where
    return Where(state, home, site, settings, estate)


@respond.command
def plan(
    incident: str, /, *, estate: EstateFile = DEFAULT, site: Site = SITE, state: StateFolder = STATE, home: Home = HOME,
    settings: Settings = None, cacao: Path | None = None, identity: Identity = None, json: AsJson = False,
) -> int:  # fmt: skip
    """Show the cheapest cuts that end an incident, what each disturbs, what cannot be undone, and what is held.

    Changes nothing. Exit status 3 if some of it would wait for a person, or nothing can be cut.

    Example: `ringfence respond plan RF-3f2a --estate cluster.estate`

    Parameters
    ----------
    incident
        Its id, or enough of it.
    cacao
        Write the plan as a CACAO 2.0 playbook too, a new file, for other tools and sites.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard import commands, playbook
    where = site_of(state, home, site, settings, estate)
    answer = commands.planned(where, open_estate(estate, identity), incident)
    _supposed(site)
    if cacao:
        playbook.written(where, answer, cacao)
        output.err.print(f"{cacao} is written", markup=False)
    return _planned(answer, json, f"`ringfence respond apply {answer.incident.id} --apply` does it")


def _supposed(site: Path) -> None:
    """Say what a plan takes for granted where no site file is."""
    from ringfence.app.guard.room import assumed

    if said := assumed(site):
        output.err.print(said, markup=False)


def _planned(answer: "Answer", json: bool, on: str) -> int:
    """Tell a plan, and how one goes `on` from it."""
    _told(shown_answer(answer), json)
    if not json:
        output.out.print(f"nothing was changed: {on}" if answer.plan.cuts else _NOTHING, markup=False)
    return HELD if not answer.plan.cuts or any(one.verdict == "hold" for one in answer.decisions) else 0


_NOTHING = "nothing can be cut here: `not known` above says why; somebody has to act by hand"


def _done(answer: "Answer", rows: list[dict[str, Any]]) -> None:
    """What came of an apply. Without a single cut no table and no undo: that would look like success."""
    out, made = output.out, answer.plan
    if rows:
        _actions(rows)
    if not made.cuts:
        out.print(f"NOTHING COULD BE CUT about {answer.incident.id}; somebody has to act by hand", markup=False)
        for one in made.unknown or ("the plan has no cut that would help",):
            out.print(f"  not known: {one}" if made.unknown else f"  {one}", markup=False)
    for said, those in (("stay in reach even so", made.left), ("are taken already", made.lost)):
        if those:
            out.print(f"  {len(those)} jewels {said}: {', '.join(those[:5])}", markup=False)
    if any(one["state"] not in ("held", "undone", "lapsed") for one in rows):
        out.print(f"`ringfence respond undo {answer.incident.id} --apply` takes it back", markup=False)


@respond.command
def apply(
    incident: str = "", /, *, playbook: Path | None = None, estate: EstateFile = DEFAULT, site: Site = SITE,
    state: StateFolder = STATE, home: Home = HOME, settings: Settings = None, why: str = "", really: Really = False,
    identity: Identity = None, json: AsJson = False,
) -> int:  # fmt: skip
    """Do what `respond plan` shows: whoever calls it approves it; without --apply it is only shown.

    A plan that is felt more widely than one person may decide waits until a second account applies it too.
    Exit status 1 if something failed, 3 if something is held, or nothing can be cut.

    Example: `ringfence respond apply RF-3f2a --why "confirmed by phone" --apply`

    Parameters
    ----------
    incident
        Its id, or enough of it; with a playbook the incident that it names, if no other.
    playbook
        A CACAO 2.0 playbook whose cuts are done instead; anything in it but cuts of ours is refused.
    why
        Said in the journal.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard import commands
        from ringfence.app.guard.playbook import instead_of
    if not incident and not playbook:
        raise UsageError("nothing is named to be done", "name an incident, or --playbook FILE")
    about, instead = instead_of(playbook)
    incident = incident or about
    where, known = site_of(state, home, site, settings, estate), open_estate(estate, identity)
    if not really:
        _supposed(site)
        shown = commands.planned(where, known, incident, instead)
        named = f" --playbook {shlex.quote(str(playbook))}" if playbook else ""
        return _planned(shown, json, f"`ringfence respond apply {shown.incident.id}{named} --apply` does it")
    answer, done = commands.applied(where, known, incident, why, instead)
    rows = [_action(one) for one in done]
    if json:
        output.json({**shown_answer(answer), "actions": rows})
    else:
        _done(answer, rows)
    states = {one["state"] for one in rows}
    return FAILED if "failed" in states else HELD if "held" in states or not answer.plan.cuts else 0


@respond.command
def undo(
    incident: str = "", /, *, cut: str = "", every: Annotated[bool, Parameter(name=["--all"], negative="")] = False,
    estate: EstateFile = DEFAULT, site: Site = SITE, state: StateFolder = STATE, home: Home = HOME,
    settings: Settings = None, why: str = "", really: Really = False, identity: Identity = None, json: AsJson = False,
) -> int:  # fmt: skip
    """Take back an incident's cuts, one of them, or all of all incidents; without --apply it is only shown.

    What cannot be undone is named. A cut that another incident wants too stays. Works while everything is stopped, and
    asks nothing; while a guard runs it needs no estate. Exit status 1 if something is not taken back yet.

    Example: `ringfence respond undo RF-3f2a --apply`

    Parameters
    ----------
    incident
        Its id, or enough of it.
    cut
        One action of it, by its id or enough of it (`respond list --json`).
    every
        Of all incidents.
    why
        Said in the journal.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard.undoing import dry, guarded, taken_back
    if bool(incident or cut) == every:
        told = "name an incident, or --all" if not every else "--all takes back everything: name nothing beside it"
        raise UsageError("it is not clear what is to be taken back", told)
    where = site_of(state, home, site, settings)
    if not really:
        _undo_told(_undo_shown(dry(where, incident, cut)), json)
        if not json:
            output.out.print("nothing was changed: --apply takes it back", markup=False)
        return 0
    known = None if guarded(where) else open_estate(estate, identity)
    found = taken_back(where, known, incident, cut, why)
    _undo_told(
        {
            "undone": [_action(one) for one in found.undone],
            "left": _because(found.left),
            "stays": _because(found.stays),
            "shared": _because(found.shared),
        },
        json,
    )
    return 0 if found.over else FAILED


def _undo_shown(found: "Dry") -> dict[str, list[dict[str, Any]]]:
    """What would come of an undo."""
    return {
        "would_undo": [_action(one) for one in found.back],
        "not_begun": [_action(one) for one in found.never],
        "stays": _because(found.stays),
        "shared": _because(found.shared),
    }


def _because(found: Iterable[tuple[Any, str]]) -> list[dict[str, Any]]:
    return [{**_action(one), "why": said} for one, said in found]


def _undo_told(told: dict[str, list[dict[str, Any]]], json: bool) -> None:
    if json:
        output.json(told)
        return
    columns = ("what", "about", "where", "incident", "why")
    for name, those in told.items():
        if those:
            output.table(columns, map(_cells, those), f"{_HEADS[name]} ({len(those)})")
    if not any(told.values()):
        output.out.print("there is nothing to take back", markup=False)


_HEADS = {
    "would_undo": "would be taken back", "not_begun": "not begun, and dropped", "undone": "taken back",
    "left": "not taken back yet: tried until it is", "stays": "cannot be undone",
    "shared": "stays: another incident wants it",
}  # fmt: skip


@respond.command(name="list")
def listed(incident: str = "", /, *, state: StateFolder = STATE, json: AsJson = False) -> int:
    """List what was done, is being done and waits for a person, for one incident or for all.

    Example: `ringfence respond list RF-3f2a`

    Parameters
    ----------
    incident
        Its id, or enough of it; without one, all.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard.undoing import chosen
    rows = [_action(one) for one in chosen(site_of(state), incident, "")]
    if json:
        output.json(rows)
    else:
        _actions(rows)
    return 0


def shown_answer(answer: "Answer") -> dict[str, Any]:
    """A plan with its decisions, as docs/json.md has it."""
    made, verdicts = answer.plan, {one.cut: one for one in answer.decisions}
    return {
        "incident": made.incident,
        "version": made.version,
        "title": answer.incident.title,
        "grade": made.grade.name.lower(),
        "held": list(made.held),
        "jewels": list(made.jewels),
        "left": list(made.left),
        "lost": list(made.lost),
        "minutes_to_jewel": list(made.minutes),
        "seconds_to_cut": made.seconds,
        "jobs_disturbed": list(made.jobs),
        "exact": made.exact,
        "estate": {"sha256": made.estate, "age_s": made.age},
        "unknown": list(made.unknown),
        "cuts": [
            {
                "verb": one.cut.verb,
                "place": one.cut.place,
                "subject": one.cut.subject,
                "why": one.why,
                "jobs": list(one.jobs),
                "hosts": list(one.hosts),
                "needed": one.needed,
                "expires": one.cut.about.expires,
                "undo": one.cut.about.undo or "set-equal",
                "verdict": verdicts[one.cut].verdict,
                "rule": verdicts[one.cut].rule,
                "because": verdicts[one.cut].why,
            }
            for one in made.cuts
        ],
    }


def _told(answer: dict[str, Any], json: bool) -> None:
    if json:
        output.json(answer)
        return
    out = output.out
    out.print(f"{answer['incident']}: {answer['title']}", markup=False)
    low, high = answer["minutes_to_jewel"]
    if answer["jewels"]:
        out.print(f"  in reach: {', '.join(answer['jewels'][:5])}, {low:g} to {high:g} minutes away", markup=False)
    if answer["lost"]:
        out.print(f"  held already: {', '.join(answer['lost'][:5])}", markup=False)
    if answer["left"]:
        out.print(f"  in reach even when all is cut: {', '.join(answer['left'][:5])}", markup=False)
    out.print(f"  grade {answer['grade']}; stands within {answer['seconds_to_cut']:g} s; "
              f"disturbs {len(answer['jobs_disturbed'])} jobs", markup=False)  # fmt: skip
    rows = (
        (one["verdict"], one["verb"], one["subject"], one["place"], len(one["jobs"]), one["undo"], one["rule"])
        for one in answer["cuts"]
    )
    output.table(("verdict", "what", "about", "where", "jobs", "undo", "rule"), rows)
    for one in answer["unknown"]:
        out.print(f"  not known: {one}", markup=False)


def _action(row: Any) -> dict[str, Any]:
    return {
        "id": row.id, "incident": row.incident, "verb": row.verb, "place": row.place, "subject": row.subject,
        "state": row.state, "tries": row.tries, "until": row.until, "why": row.why, "planned_at": row.planned_at,
        "done_at": row.done_at, "seconds": row.took,
    }  # fmt: skip


def _actions(rows: list[dict[str, Any]]) -> None:
    cells = ((one["state"], one["verb"], one["subject"], one["place"], one["incident"], one["why"]) for one in rows)
    output.table(("state", "what", "about", "where", "incident", "why"), cells)


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str, str]:
    return row["verb"], row["subject"], row["place"], row["incident"], row["why"]


for _name in ("show", "status", "ack"):
    respond.command(f"ringfence.cli.respond_show:{_name}", name=_name)
