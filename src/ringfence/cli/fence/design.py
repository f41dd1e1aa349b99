"""`ringfence fence plan` and `prove`: what the fence would be, and what it would hold. Nothing is changed."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ringfence.app import targets
from ringfence.app.estates import open_estate, save_estate
from ringfence.app.fence.constrain import CONSTRAINTS, constrained
from ringfence.app.fence.design import design_of
from ringfence.app.fence.side_by_side import work_out
from ringfence.app.fence.write import write_artefacts
from ringfence.cli import output
from ringfence.cli.ask import told
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity

Overrides = Annotated[
    list[Path] | None, Parameter(name=["--overrides"], negative="", help="TOML file of exceptions (repeatable).")
]
Targets = Annotated[
    list[str] | None,
    Parameter(
        name=["--target"], negative="", help="Compile for this target only (repeatable; default: all there are)."
    ),
]


def plan(
    *,
    estate: EstateFile = DEFAULT,
    overrides: Overrides = None,
    target: Targets = None,
    out: Annotated[Path | None, Parameter(name=["-o", "--out"])] = None,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Derive who needs to reach whom, and compile it for the enforcers that the cluster has.

    Required constraints that it does not keep are listed as not in force, with the reason: own-images-only always is,
    for no target sees whose image a job starts from.
    Example: `ringfence fence plan -o fence/`

    Parameters
    ----------
    out
        Write the artefacts into this folder, one file each (mode 0600).
    """
    design = work_out(design_of(open_estate(estate, identity), overrides or (), target or ()))
    shown = design.plan()
    if out:
        count = write_artefacts(out, design.compiled.values())
        output.err.print(f"{count} artefacts written to {out}", markup=False)
    if json:
        output.json(shown)
        return 0
    if design.unproven:
        _nothing("compiled", design.unproven)
        _residuals(shown)
        return 0
    _groups(shown)
    rows = [
        (one["target"], one["plane"], one["artefacts"], one["loaded_by"], f"{one['bytes']:,}", _force(one))
        for one in shown["targets"]
    ]
    output.table(("target", "plane", "artefacts", "loaded by", "bytes", ""), rows, "\nCompiled")
    _residuals(shown)
    return 0


def prove(
    from_: Annotated[list[str] | None, Parameter(name="from")] = None,
    /,
    *,
    estate: EstateFile = DEFAULT,
    overrides: Overrides = None,
    target: Targets = None,
    save: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Read back what was compiled, plane by plane, and say what still falls behind the fence.

    Exit status 1 if a proof does not hold, or if nothing was compiled that could be proven.
    Example: `ringfence fence prove workstation:res-017-ws`

    Parameters
    ----------
    from_
        Footholds, held together (default: each place where attackers begin).
    save
        Save the estate with what the proof says of required constraints. It shows what the files would keep; that they
        are in force only `ringfence fence drift -o` shows.
    """
    targets.estate(save, *(overrides or ()), identity)
    design = work_out(design_of(open_estate(estate, identity), overrides or (), target or ()))
    held = list(from_ or ()) or design.before.default_footholds()
    verdicts, blast = design.verdicts(), design.blast(held)
    if save is not None:
        save_estate(constrained(design, design.proofs), save)
    if json:
        shown = {"holds": design.holds, "unproven": design.unproven, "planes": verdicts}
        output.json({**shown, "open_planes": design.open_planes, "blast": blast})
        return 0 if design.holds else 1
    if design.unproven:
        _nothing("proven", design.unproven)
    else:
        told_verdicts(verdicts, design.open_planes)
    told_blast(blast)
    return 0 if design.holds else 1


def _nothing(done: str, why: str) -> None:
    """That nothing was done, instead of a table without rows, which would read as if all were well."""
    output.out.print(f"nothing was {done}: {why}, so nobody is held back", markup=False)
    output.out.print("  `ringfence show` says what was collected", markup=False)


def told_verdicts(verdicts: list[dict[str, Any]], open_planes: list[str]) -> None:
    """The proofs, one line a plane and target, with the first witnesses of what does not hold."""
    rows = [
        (
            one["plane"],
            one["target"],
            _verdict(one),
            f"{one['meant']:,}",
            one["leaks"],
            one["breaks"],
            one["open_pairs"],
        )
        for one in verdicts
    ]
    output.table(("plane", "target", "", "meant", "leaks", "breaks", "open, told"), rows)
    for one in verdicts:
        for gap in one["witnesses"][:3]:
            where = f"{gap['source']} → {gap['target']} {gap['what']} ({gap['pairs']} pairs)"
            output.out.print(f"  {gap['kind']} on {one['plane']}: {where} {gap['because']}", markup=False)
    for plane in open_planes:
        output.out.print(f"open: nothing here holds anyone back on the {plane} plane", markup=False)


def told_blast(blast: dict[str, Any]) -> None:
    """What falls before and behind the fence, in words."""
    before, behind = blast["before"], blast["behind"]
    who = blast["from"][0] if len(blast["from"]) == 1 else f"{len(blast['from'])} footholds"
    output.out.print(f"\nIf {who} falls (planes that count: {', '.join(blast['planes']) or 'none'}):", markup=False)
    rows = [
        (name, len(side["shells"]), len(side["memory_only"]), len(side["jewels"]), side["positions"])
        for name, side in (
            ("before", before),
            ("behind the fence", behind),
            ("without what is only compiled", blast["enforced"]),
        )
        if side
    ]
    output.table(("", "hosts with a shell", "GPU memory only", "crown jewels", "positions"), rows)
    if behind["shells"]:
        shown = ", ".join(behind["shells"][:12])
        more = len(behind["shells"]) - 12
        output.out.print(f"still reached: {shown}" + (f" and {more} more" if more > 0 else ""), markup=False)
    for path in blast["paths"][:1]:
        output.out.print(f"The quickest way that is left to a crown jewel, {path['target']}:", markup=False)
        told(1, path)


def _groups(shown: dict[str, Any]) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in shown["groups"].items())
    planes = ", ".join(f"{count} on {plane}" for plane, count in shown["allows"].items())
    output.out.print(f"Groups: {kinds}", markup=False)
    output.out.print(f"Allowed: {planes}; everything else is denied", markup=False)
    output.out.print(f"Egress budgets: {len(shown['budgets'])}", markup=False)


def _force(one: dict[str, Any]) -> str:
    return "" if one["enforced"] else "compiled, not enforced"


def _residuals(shown: dict[str, Any], most: int = 12) -> None:
    found = [one for one in shown["residuals"] if one["target_name"] != CONSTRAINTS]
    rows = [
        (one["plane"], one["target_name"], _short(one["source"]), _short(one["target"]), one["why"]) for one in found
    ]
    if rows:
        output.table(("plane", "target", "from", "to", "why it stays open"), rows[:most], "\nResiduals")
    if len(rows) > most:
        output.out.print(f"… and {len(rows) - most} more (--json lists them)", markup=False)
    _constraints([one for one in shown["residuals"] if one["target_name"] == CONSTRAINTS])
    for plane in shown["open_planes"]:
        output.out.print(f"open: nothing here enforces the {plane} plane", markup=False)


def _constraints(found: list[dict[str, Any]], most: int = 4) -> None:
    """Required constraints that the fence does not keep: every rule, at most so many reasons of each."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for one in found:
        rule, subject = one["source"].removeprefix("constraint "), one["target"].removeprefix("use of ")
        alike.setdefault((rule, one["why"], one["remedy"]), []).append(subject)
    rows: list[tuple[object, ...]] = []
    left = dict.fromkeys((rule for rule, _, _ in alike), 0)
    for (rule, why, remedy), subjects in alike.items():
        left[rule] += 1
        if left[rule] <= most:
            rows.append((rule, len(subjects), _short(", ".join(subjects)), why, remedy))
    rows += [
        (rule, "", f"… {count - most} more (--json lists them)", "", "") for rule, count in left.items() if count > most
    ]
    if rows:
        output.table(("constraint", "on", "", "why it is not kept", "what would"), rows, "\nConstraints not in force")


def _short(names: str, most: int = 2) -> str:
    """The first few of a list of names."""
    listed = names.split(", ")
    return names if len(listed) <= most else f"{', '.join(listed[:most])} and {len(listed) - most} more"


def _verdict(one: dict[str, Any]) -> str:
    held = "holds" if one["holds"] else "DOES NOT HOLD"
    return held + ("" if one["enforced"] else " (compiled only)")
