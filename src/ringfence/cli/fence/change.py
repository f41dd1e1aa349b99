"""`ringfence fence apply`, `status`, `drift` and `undo`: dry unless `--apply` is given."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ringfence.app.estates import open_estate
from ringfence.app.fence import change
from ringfence.app.fence.design import design_of
from ringfence.app.fence.ledger import Ledger
from ringfence.app.fence.site import enforcers_of
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity
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


def apply(
    *,
    estate: EstateFile = DEFAULT,
    site: Site = SITE,
    state: StateFolder = STATE,
    overrides: Overrides = None,
    target: Targets = None,
    really: Really = False,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Put the derived fence in force, by the enforcers of the site file; show what that would do without `--apply`.

    An apply that was cut off is completed first. Exit status 3 if something has no enforcer named.
    Example: `ringfence fence apply --site fence.toml --apply`
    """
    design = design_of(open_estate(estate, identity), overrides or (), target or ())
    enforcers = enforcers_of(site)
    ledger = Ledger(state, make=True)
    if really:
        _run(change.resumed(design, ledger, enforcers), json)
    applying = change.Applying(design, ledger, enforcers)
    shown = applying.shown()
    if not really:
        _told_plan(shown, json)
        return PARTIAL if applying.unreached else 0
    done = _run(applying.apply(), json)
    if json:
        output.json({**shown, "outcomes": done})
    else:
        output.out.print(f"applied; `ringfence fence undo --apply` takes {applying.receipt} back", markup=False)
    return PARTIAL if applying.unreached else 0


def status(*, state: StateFolder = STATE, json: AsJson = False) -> int:
    """Show what is in force, what can be undone, and what somebody was cut off in.

    Exit status 3 if an apply or an undo was cut off.
    Example: `ringfence fence status`
    """
    found = change.status(Ledger(state))
    if json:
        output.json(found)
    else:
        standing = found["in_force"]
        output.out.print(f"in force: {'policy ' + standing['policy'][:16] if standing else 'nothing'}", markup=False)
        rows = [(one["receipt"], one["status"], len(one["places"])) for one in found["receipts"]]
        output.table(("receipt", "status", "places"), rows)
        for one in found["interrupted"]:
            open_ = [name for name, where in one["places"].items() if where == "changing"]
            output.out.print(
                f"cut off: {one['receipt']} ({one['status']}) at {', '.join(open_) or 'no place'}", markup=False
            )
            output.out.print("  `ringfence fence apply --apply` completes it, `fence undo --apply` takes it back")
    return PARTIAL if found["interrupted"] else 0


def drift(
    *,
    estate: EstateFile = DEFAULT,
    site: Site = SITE,
    state: StateFolder = STATE,
    overrides: Overrides = None,
    target: Targets = None,
    really: Really = False,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Read back what is really there and compare it with what is meant; correct it with `--apply`.

    Exit status 1 if anything differs, 3 if a place does not answer.
    Example: `ringfence fence drift --site fence.toml`
    """
    design = design_of(open_estate(estate, identity), overrides or (), target or ())
    enforcers = enforcers_of(site)
    wrong, silent = change.drift(design, enforcers)
    corrected = (
        _run(change.Applying(design, Ledger(state, make=True), enforcers).apply(), json) if really and wrong else []
    )
    if json:
        output.json({"drift": wrong, "silent": silent, "corrected": corrected})
    else:
        rows = [(one.kind, one.plane, one.source, one.target, one.what, one.pairs) for one in wrong]
        if rows:
            output.table(("", "plane", "from", "to", "what", "pairs"), rows)
        for one in silent:
            output.err.print(f"no answer: {one.target} on {one.where}: {one.why}", markup=False)
        output.out.print("what is there is what is meant" if not (wrong or silent) else "", markup=False)
    if silent:
        return PARTIAL
    return FAILED if wrong and not really else 0


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
    ledger = Ledger(state)
    if not really:
        found = change.status(ledger)
        output.json(found) if json else output.out.print(
            f"would take back {receipt or 'the last apply'}; --apply does it", markup=False
        )
        return 0
    design = design_of(open_estate(estate, identity))
    done = _run(change.undo(design, ledger, enforcers_of(site), receipt), json)
    if json:
        output.json({"outcomes": done})
    return 0


def _run(outcomes: Iterable[Any], quiet: bool) -> list[Any]:
    """Carry out, telling each outcome; what was left is told before the error goes on."""
    done = []
    try:
        for one in outcomes:
            done.append(one)
            if not quiet:
                output.err.print(f"{one.status}: {one.target} on {one.where} {one.why}".rstrip(), markup=False)
    except EnforceError as error:
        for left in error.left:
            output.err.print(f"  left: {left}", markup=False)
        raise
    return done


def _told_plan(shown: dict[str, Any], json: bool) -> None:
    if json:
        output.json(shown)
        return
    rows = [(one["stage"] + 1, one["target"], one["where"], one["artefact"]) for one in shown["steps"]]
    output.table(("stage", "target", "where", "artefact"), rows)
    for one in shown["unreached"][:10]:
        output.out.print(f"not reached: {one['target']} on {one['where']}: {one['why']}", markup=False)
    if len(shown["unreached"]) > 10:
        output.out.print(f"… and {len(shown['unreached']) - 10} more", markup=False)
    output.out.print("Connections that are ended stay ended; the rest can be undone. --apply does it.")
