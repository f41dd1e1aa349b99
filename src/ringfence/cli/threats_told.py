"""What `ringfence threats` prints."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ringfence.cli import output

_SHOWN = 8
FOUND = 3
"""The exit status where what was asked about is open, whichever view shows it."""


def _say(text: str) -> None:
    output.out.print(text, markup=False)


def _head(text: str) -> None:
    output.out.print(text, style="bold", markup=False)


def table(found: Mapping[str, Any]) -> None:
    """Every threat in a row."""
    rows = []
    for one in found["threats"]:
        many = len(one["detectors"])
        seen = one["live"] or f"{many} detector{'' if many == 1 else 's'}"
        told = one["findings"][0] if one["findings"] else None
        example = f"{told['subject']}: {told['reason']}"[:140] if told else ""
        counts = [one["counts"][state] for state in ("open", "unknown", "mitigated")]
        if not sum(counts):
            counts, example = ["–"] * 3, "none of what it is about is known here; that there is none is not shown"
        rows.append((one["id"], one["title"], one["state"], *counts, seen, example))
    output.table(("threat", "", "state", "open", "unknown", "mitigated", "seen by", "for example"), rows)
    _say("`ringfence threats ID` shows the facts and the way; --tree FILE.svg draws it")


def whole(one: Mapping[str, Any]) -> None:
    """One threat, with its facts."""
    _head(f"{one['id']} {one['title']}: {one['state']}")
    _say(f"phases {', '.join(one['phases'])}; STRIDE {' '.join(one['stride'])}")
    _say(f"ATLAS {', '.join(one['atlas']) or '–'}; ATT&CK {', '.join(one['attack']) or '–'}")
    seen = ", ".join(f"{each['id']} {each['name']}" for each in one["detectors"])
    _say(f"seen by: {seen or 'no detector'}" + (f"; now: {one['live']}" if one["live"] else ""))
    _say(f"what ends it: {one['remedy']}")
    for found in one["findings"][:_SHOWN]:
        _finding(found)
    rest = len(one["findings"]) - _SHOWN
    if rest > 0:
        _say(f"\n… and {rest} more: --json lists them, --of NAME shows one")


def _finding(found: Mapping[str, Any]) -> None:
    _head(f"\n{found['subject']}: {found['state']}")
    for way in found["ways"]:
        _say(f"  {way['state']:9} {way['title']}: {way['reason']}")
        for fact in way["facts"][:_SHOWN]:
            said = f"{fact['subject']} {fact['predicate']} {fact['object']}"
            _say(f"            {said}  ({fact['source'] or 'no source'})")
    if found["path"]:
        steps = found["path"]["steps"]
        start = steps[0]["from"] if steps else []
        _say("  way: " + " → ".join([*start, *(step["to"] for step in steps)]))
    for window in found["exposed"]:
        _say(f"  exposed in {window['phase']}: {window['runs']} runs")


def nothing(why: str) -> None:
    """That nothing was there to judge, beside what is printed: a table of nothing looks like a good one."""
    if why:
        output.err.print(f"nothing was judged: {why}", markup=False)


def flows(found: Sequence[Mapping[str, Any]], json: bool, why: str = "") -> int:
    """STRIDE per data flow. `why` nothing at all could be judged, "" where something could."""
    nothing(why)
    if json:
        output.json(found)
        return 0
    if not found:
        _say("no data flow is known here: no fact says what a work reads or writes, or who mounts what is stored;")
        _say(
            "  schedulers' jobs, lineage and listings of storage tell (docs/estate.md). That there is none is not shown"
        )
        return 0
    rows = [
        (one["kind"], one["from"], one["to"], *(_harm(one["harms"].get(kind)) for kind in "STRIDE")) for one in found
    ]
    output.table(("flow", "from", "to", *"STRIDE"), rows)
    _say("! open   ? unknown   + mitigated   - no threat of that kind is about it")
    return 0


def _harm(found: Mapping[str, Any] | None) -> str:
    marks = {"open": "!", "unknown": "?", "mitigated": "+"}
    return "-" if found is None else marks[found["state"]]


def trees(told: Mapping[str, Any], path: Path, json: bool) -> int:
    """Attack trees as text, and where the picture is."""
    if json:
        output.json(told)
    else:
        for line in told["lines"]:
            _say(line)
        _say(f"\n! open   ? unknown   ✓ mitigated; the picture is in {path}")
    return FOUND if any(one["state"] == "open" for one in told["trees"]) else 0


def layer(made: Mapping[str, Any], path: Path, json: bool) -> int:
    """What was written for the Navigator."""
    if json:
        output.json(made)
        return 0
    said = f"{len(made['techniques'])} techniques; {made['description']}"
    _say(f"{path}: {said}. Open it in the ATLAS Navigator (a layer of format {made['versions']['layer']})")
    return 0


def ids(found: Mapping[str, Any], json: bool) -> int:
    """Which of our ids a file of ATLAS has elsewhere or not at all."""
    if json:
        output.json(found)
    else:
        _say(f"our ids are those of ATLAS {found['ours']}; the file is {found['theirs']}")
        rows = [(one["id"], one["name"], one["what"], one["became"]) for one in found["moved"]]
        if rows:
            output.table(("id", "name", "", "now"), rows)
        _say(f"{len(rows)} of them moved, changed or are gone" if rows else "none of them moved")
    return FOUND if found["moved"] else 0


def past(found: Mapping[str, Any], json: bool) -> int:
    """Past incidents, step by step, and patterns."""
    works = [one["works"] for one in (*found["incidents"], *found["patterns"])]
    if json:
        output.json(found)
    else:
        for one in found["incidents"]:
            through = f", through {one['entry']}" if one["entry"] else ""
            _head(f"{one['id']} {one['title']}: would it work here? {_how_far(one)}{through}")
            for step in one["steps"]:
                _say(f"  {step['works']:8} {step['technique']:14} {step['says']}: {step['why']}")
            if one["works"] != "no":
                _say(f"  what ends it: {one['ends']}")
        for one in found["patterns"]:
            held = "" if one["held"] else ", if somebody comes to where it starts"
            _head(f"{one['file']}: would it work here? {one['works']}{held if one['works'] == 'yes' else ''}")
            for step in one["way"]:
                _say(f"  {' + '.join(step['from'])} → {step['to']}  [{step['move']}]")
            if one["why"]:
                _say(f"  {one['why']}")
    return FOUND if {"yes", "in part"} & set(works) else 0


def _how_far(one: Mapping[str, Any]) -> str:
    """The answer in the heading: as far as which step, what else works beyond it, and where it stops."""
    works = str(one["works"])
    if works == "in part":
        names = [step["technique"] for step in one["steps"]]
        beyond = one["steps"][names.index(one["far"]) + 1 :]
        also = [step["technique"] for step in beyond if step["works"] == "yes" and step["why"] != "the attacker's own"]
        works += f", as far as {one['far']}" + (f", and {', '.join(also)} after it" if also else "")
    elif works == "no" and one["stops"]:
        works += f", it stops at {one['stops']}"
    return works


def _bounds(one: Mapping[str, Any]) -> str:
    """What a fact rules out, and apart from it what was only not shown."""
    said = [f"not above {one['not_above']}, because {one['because']}"] if one["not_above"] else []
    if one["not_shown_above"]:
        said += [f"not shown above {one['not_shown_above']}: {one['missing']}"]
    if not one["not_above"]:
        said.insert(0, "no fact stands against any level; what facts cannot decide is not judged")
    return "; ".join(said)


def levels(found: Mapping[str, Any], json: bool) -> int:
    """Each model against the levels of RAND."""
    status = FOUND if found["refused"] or any(one["not_above"] for one in found["models"]) else 0
    if json:
        output.json(found)
        return status
    for one in found["models"]:
        shown, decidable = one["shown"]
        signed, attestable = one["attested"]
        _head(f"{one['model']}: {_bounds(one)}")
        _say(f"  {shown} of {decidable} technical measures shown by facts; {signed} of {attestable} others attested")
        for measure in one["measures"]:
            _say(f"  {measure['level']} {measure['id']} {measure['held']:12} {measure['title']}: {measure['why']}")
        for way in one["hours"][:_SHOWN]:
            _say(f"  {way['hours']:.3g} hours to exfiltrate from {way['holder']}")
        if one["hours_together"] is not None:
            least = "" if one["certain"] else ", or less: not every way out is known"
            _say(f"  {one['hours_together']:.3g} hours over all ways out at once{least}")
    for one in found["refused"]:
        output.err.print(f"{one['file']} does not count: {one['why']}", markup=False)
    _say(f"source: {found['source']}. This never says that a model meets a level.")
    return status
