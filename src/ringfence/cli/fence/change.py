"""`ringfence fence apply`, `status`, `drift` and `undo`: dry unless `--apply` is given."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ringfence.app import targets
from ringfence.app.estates import open_estate, save_estate
from ringfence.app.fence.design import design_of
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity
from ringfence.cli.extra import needs_fence
from ringfence.cli.fence.design import Overrides, Targets
from ringfence.errors import EnforceError

StateFolder = Annotated[
    Path, Parameter(name=["--state"], env_var="RINGFENCE_STATE", help="The fence's folder (default ./ringfence-state).")
]
Site = Annotated[
    Path, Parameter(name=["--site"], env_var="RINGFENCE_SITE", help="Which enforcers to drive (default ./fence.toml).")
]
Really = Annotated[bool, Parameter(name=["--apply"], negative="", help="Do it; without this it is only shown.")]
STATE, SITE = Path("ringfence-state"), Path("fence.toml")
FAILED, PARTIAL = 1, 3
_WORST = 50
"""Rows of a table; `--json` has them all."""


def apply(
    *,
    estate: EstateFile = DEFAULT,
    site: Site = SITE,
    state: StateFolder = STATE,
    overrides: Overrides = None,
    target: Targets = None,
    shadow: Annotated[bool, Parameter(negative="")] = False,
    really: Really = False,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Put the derived fence in force, by the enforcers of the site file; show what that would do without `--apply`.

    An apply that was cut off is completed first. Exit status 3 if something has no enforcer named.
    Example: `ringfence fence apply --site fence.toml --apply`

    Parameters
    ----------
    shadow
        Load rules that count what they would deny, and let it through; `fence learn --counters` shows the counts.
    """
    with needs_fence():
        from ringfence.app.fence.change import Applying, resumed
        from ringfence.app.fence.ledger import Ledger
        from ringfence.app.fence.site import enforcers_of
    design = design_of(open_estate(estate, identity), overrides or (), target or ())
    enforcers = enforcers_of(site, design.inventory)
    ledger = Ledger(state)
    if not really:
        applying = Applying(design, ledger, enforcers, shadow=shadow)
        _told_plan(applying, json)
        return PARTIAL if applying.unreached else 0
    with ledger.make().alone():
        done = _run(resumed(design, ledger, enforcers), json)
        applying = Applying(design, ledger, enforcers, shadow=shadow)
        if not (done and applying.stands):
            done += _run(applying.apply(), json)
    if json:
        output.json({**applying.shown(), "outcomes": done})
    else:
        output.out.print(f"applied; `ringfence fence undo --apply` takes {applying.receipt} back", markup=False)
        _not_reached(applying, applying.shown())
    return PARTIAL if applying.unreached else 0


def status(*, state: StateFolder = STATE, json: AsJson = False) -> int:
    """Show what is in force, what can be undone, and what somebody was cut off in.

    Exit status 3 if an apply or an undo was cut off, or what is noted contradicts the receipts.
    Example: `ringfence fence status`
    """
    with needs_fence():
        from ringfence.app.fence import status as looking
        from ringfence.app.fence.ledger import Ledger
    found = looking.status(Ledger(state).there())
    if json:
        output.json(found)
    else:
        standing = found["in_force"]
        how = " (it counts, and denies nothing)" if standing and standing["shadow"] else ""
        nothing = "not known" if found["doubt"] else "nothing"
        output.out.print(f"in force: {'policy ' + standing['policy'][:16] if standing else nothing}{how}", markup=False)
        if found["doubt"]:
            output.err.print(f"in doubt: {found['doubt']}", markup=False)
        rows = [(one["receipt"], one["status"], len(one["places"])) for one in found["receipts"]]
        output.table(("receipt", "status", "places"), rows)
        for one in found["interrupted"]:
            _told_cut_off(one)
    return PARTIAL if found["interrupted"] or found["doubt"] else 0


def drift(
    *,
    estate: EstateFile = DEFAULT,
    site: Site = SITE,
    state: StateFolder = STATE,
    really: Really = False,
    save: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Read back what is really there and compare it with the policy in force; correct it with `--apply`.

    Exit status 1 if anything differs, 3 if a place does not answer or has no enforcer to read it.
    Example: `ringfence fence drift --site fence.toml`

    Parameters
    ----------
    save
        Save the estate with what the read-back says of required constraints, for `ringfence audit`.
    """
    with needs_fence():
        from ringfence.app.fence import status as looking
        from ringfence.app.fence.change import Applying
        from ringfence.app.fence.constrain import read_back
        from ringfence.app.fence.ledger import Ledger
        from ringfence.app.fence.site import enforcers_of
    targets.estate(save, site, identity)
    design = design_of(open_estate(estate, identity))
    enforcers, ledger = enforcers_of(site, design.inventory), Ledger(state).there()
    wanted, theirs = looking.standing(design, ledger)
    wrong, silent, unread = looking.drift(wanted, theirs, enforcers)
    corrected: list[Any] = []
    if really and wrong:
        with ledger.alone():
            corrected = _run(Applying(wanted, ledger, enforcers, known=theirs).apply(), json)
        wrong_now, silent, unread = looking.drift(wanted, theirs, enforcers)
    else:
        wrong_now = wrong
    if save is not None:
        save_estate(read_back(wanted, wrong_now, [*silent, *unread]), save)
    if json:
        told = {"drift": wrong, "silent": silent, "unread": unread, "corrected": corrected}
        output.json({**told, "left": wrong_now})
    else:
        rows = [(one.kind, one.plane, one.source, one.target, one.what, one.pairs, one.because) for one in wrong]
        if rows:
            output.table(("", "plane", "from", "to", "what", "pairs", "because"), rows[:_WORST])
        for one in silent:
            output.err.print(f"no answer: {one}", markup=False)
        _listed("not read", unread)
        output.out.print(_verdict(len(wrong), len(wrong_now), really, len(silent) + len(unread)), markup=False)
    if wrong_now:
        return FAILED
    return PARTIAL if silent or unread else 0


def undo(
    receipt: str = "",
    /,
    *,
    estate: EstateFile = DEFAULT,
    site: Site = SITE,
    state: StateFolder = STATE,
    really: Really = False,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Take the last apply back: every place as it was before. Connections that were ended stay ended.

    Example: `ringfence fence undo --apply`

    Parameters
    ----------
    receipt
        The receipt, if it is to be checked that it is the last one.
    """
    with needs_fence():
        from ringfence.app.fence import undo as undoing
        from ringfence.app.fence.ledger import Ledger
        from ringfence.app.fence.site import enforcers_of
    ledger = Ledger(state).there()
    found = undoing.to_undo(ledger, receipt)
    places = [one.target for one in found.targets if one.status not in ("planned", "undone")]
    if not really:
        if json:
            output.json({"receipt": found.id, "status": found.status, "places": places})
        else:
            told = f"would take {found.id} back at {len(places)} places: {', '.join(places[:10])}"
            output.out.print(f"{told}{' …' if len(places) > 10 else ''}; --apply does it", markup=False)
        return 0
    design = design_of(open_estate(estate, identity))
    also = [(target, where) for target, _, where in (one.target.partition(" ") for one in found.targets)]
    with ledger.alone():
        done = _run(undoing.undo(design, ledger, enforcers_of(site, design.inventory, also), receipt), json)
    if json:
        output.json({"receipt": found.id, "outcomes": done})
    return 0


def _run(outcomes: Iterable[Any], quiet: bool) -> list[Any]:
    """Carry out and tell how it went, stage by stage; every place that was left is told before the error goes on."""
    done: list[Any] = []
    try:
        done.extend(outcomes)  # what came before an error stays
    except EnforceError as error:
        for left in error.left:
            output.err.print(f"  left: {left}", markup=False)
        raise
    finally:
        if not quiet:
            _told(done)
    return done


def _told(outcomes: Sequence[Any]) -> None:
    """How many places follow, and what others deny; places that failed are told as left."""
    count = Counter((one.stage, one.status, one.target) for one in outcomes if one.status != "differs")
    for (stage, status, target), places in count.items():
        output.err.print(f"stage {stage + 1}: {status}: {target}, {places} places", markup=False)
    denied = [one.why for one in outcomes if one.status == "differs"]
    for why in denied[:_WORST]:
        output.err.print(f"differs: {why}", markup=False)
    if len(denied) > _WORST:
        output.err.print(f"… and {len(denied) - _WORST} more (`ringfence fence drift --json` lists them)", markup=False)


def _verdict(were: int, left: int, corrected: bool, unseen: int) -> str:
    if not were:
        known = f"what was read is what is meant; nobody knows what is at the others ({unseen})"
        return known if unseen else "what is there is what is meant"
    if not corrected:
        return f"{were} differences; --apply corrects them"
    return "corrected" if not left else f"{left} differences are left: others deny it, or change it back"


def _told_plan(applying: Any, json: bool) -> None:
    shown = applying.shown()
    if json:
        output.json(shown)
        return
    rows = [(one["stage"] + 1, one["target"], one["where"], one["artefact"]) for one in shown["steps"]]
    output.table(("stage", "target", "where", "artefact"), rows)
    _not_reached(applying, shown)
    output.out.print("Connections that are ended stay ended; the rest can be undone. --apply does it.")


def _not_reached(applying: Any, shown: dict[str, Any]) -> None:
    for one in shown["left_to_others"][:10]:
        output.out.print(f"stays open: {one['why']}", markup=False)
    _listed("not reached", applying.unreached)


def _listed(how: str, places: Sequence[Any]) -> None:
    for one in places[:10]:
        output.out.print(f"{how}: {one.target} on {one.where}: {one.why}", markup=False)
    if len(places) > 10:
        output.out.print(f"… and {len(places) - 10} more (--json lists them)", markup=False)


def _told_cut_off(one: dict[str, Any]) -> None:
    open_ = [name for name, where in one["places"].items() if where == "changing"]
    known = f"cut off: {one['receipt']} ({one['status']}) at {', '.join(open_[:10]) or 'no place'}"
    output.out.print(known, markup=False)
    if one["status"] == "begun":
        output.out.print("  `ringfence fence apply --apply` completes it, `fence undo --apply` takes it back")
    else:
        output.out.print("  `ringfence fence undo --apply` completes it")
