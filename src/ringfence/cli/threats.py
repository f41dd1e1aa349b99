"""`ringfence threats`: which attacks on AI workloads are open here, which are shut and by what, which are not known."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ringfence.app.estates import open_estate
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity

FOUND = 3
"""The exit status where a threat is open."""
_SHOWN = 8
_Watch = Annotated[
    Path | None, Parameter(name=["--home"], help="The watch's folder: adds what it sees of each threat now.")
]


def threats(
    threat: str = "",
    /,
    *,
    of: Annotated[str, Parameter(name=["--of"])] = "",
    from_: Annotated[list[str] | None, Parameter(name=["--from"], negative="")] = None,
    stride: Annotated[bool, Parameter(name=["--stride"], negative="")] = False,
    tree: Annotated[Path | None, Parameter(name=["--tree"])] = None,
    most: Annotated[int, Parameter(name=["--most"])] = 20,
    home: _Watch = None,
    estate: EstateFile = DEFAULT,
    identity: Identity = None,
    json: AsJson = False,
) -> int:
    """Say how each threat stands on this estate: open, mitigated by which control, or unknown for want of which fact.

    The exit status is 3 where any is open.

    Example: `ringfence threats RF.T02 --tree theft.svg`

    Parameters
    ----------
    threat
        One threat, by id or name: everything about it.
    of
        Only this thing (dataset, model, host, …).
    from_
        What attackers hold, `entity[#capability]` (default: every workstation and the outside, else jobs and pods).
    stride
        STRIDE per data flow instead: which kinds of harm are open on it, and by which threat.
    tree
        Draw attack trees, to this SVG file: of the threat named, else of the first that are open.
    most
        How many things of each threat are listed.
    """
    from ringfence.app.assess.threats import Threats

    asked = Threats(open_estate(estate, identity), from_ or (), home)
    if tree is not None:
        _draw(asked, [threat] if threat else [], of, tree, json)
        return 0
    if stride:
        return _flows(asked.flows(most), json)
    found = asked.all(most) if not threat else asked.of(threat, of, most)
    if json:
        output.json(found)
    elif threat:
        _whole(found["threats"][0])
    else:
        _table(found)
    return FOUND if any(one["state"] == "open" for one in found["threats"]) else 0


def _table(found: dict[str, Any]) -> None:
    rows = []
    for one in found["threats"]:
        counts = one["counts"]
        seen = one["live"] or f"{len(one['detectors'])} detectors"
        told = one["findings"][0] if one["findings"] else {"subject": "", "reason": "nothing here that it is about"}
        cells = (one["state"], counts["open"], counts["unknown"], counts["mitigated"], seen)
        rows.append((one["id"], one["title"], *cells, f"{told['subject']}: {told['reason']}"[:140]))
    output.table(("threat", "", "state", "open", "unknown", "mitigated", "seen by", "for example"), rows)
    output.out.print("`ringfence threats ID` shows the facts and the way; --tree FILE.svg draws it", markup=False)


def _whole(one: dict[str, Any]) -> None:
    out = output.out
    out.print(f"{one['id']} {one['title']}: {one['state']}", style="bold", markup=False)
    out.print(f"phases {', '.join(one['phases'])}; STRIDE {' '.join(one['stride'])}", markup=False)
    out.print(f"ATLAS {', '.join(one['atlas']) or '–'}; ATT&CK {', '.join(one['attack']) or '–'}", markup=False)
    seen = ", ".join(f"{each['id']} {each['name']}" for each in one["detectors"])
    out.print(f"seen by: {seen or 'no detector'}" + (f"; now: {one['live']}" if one["live"] else ""), markup=False)
    out.print(f"what ends it: {one['remedy']}", markup=False)
    for found in one["findings"][:_SHOWN]:
        out.print(f"\n{found['subject']}: {found['state']}", style="bold", markup=False)
        for way in found["ways"]:
            out.print(f"  {way['state']:9} {way['title']}: {way['reason']}", markup=False)
            for fact in way["facts"][:_SHOWN]:
                said = f"{fact['subject']} {fact['predicate']} {fact['object']}"
                out.print(f"            {said}  ({fact['source'] or 'no source'})", markup=False)
        if found["path"]:
            steps = found["path"]["steps"]
            out.print("  way: " + " → ".join([*steps[0]["from"], *(step["to"] for step in steps)]), markup=False)
        for window in found["exposed"]:
            out.print(f"  exposed in {window['phase']}, {window['runs']} runs", markup=False)
    rest = len(one["findings"]) - _SHOWN
    if rest > 0:
        out.print(f"\n… and {rest} more: --json lists them", markup=False)


def _flows(found: list[dict[str, Any]], json: bool) -> int:
    if json:
        output.json(found)
        return 0
    rows = []
    for flow in found:
        cells = [_harm(flow["harms"].get(kind)) for kind in "STRIDE"]
        rows.append((flow["kind"], flow["from"], flow["to"], *cells))
    output.table(("flow", "from", "to", *"STRIDE"), rows)
    output.out.print("! open   ? unknown   + mitigated   - nothing is about it", markup=False)
    return 0


def _harm(found: dict[str, Any] | None) -> str:
    marks = {"open": "!", "unknown": "?", "mitigated": "+"}
    return "-" if found is None else marks[found["state"]]


def _draw(asked: Any, wanted: list[str], subject: str, path: Path, json: bool) -> None:
    from ringfence.app.assess.drawn import drawn

    told = drawn(asked.trees(wanted, subject), path)
    if json:
        output.json(told)
        return
    for line in told["lines"]:
        output.out.print(line, markup=False)
    output.out.print(f"\n{path}", markup=False)
