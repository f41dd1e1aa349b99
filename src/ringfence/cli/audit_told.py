"""An audit for a person: what matters, the rest, what is accepted, what is not known, how the families stand."""

from typing import Any

from ringfence.app.words import many
from ringfence.cli import output
from ringfence.cli.columns import block, table

SHOWN = 20
"""Rows of a long table that a person is shown."""
EACH = 3
"""Of every severity so many are shown however long the table is."""
_WINDOWS = "Vulnerability windows: state that outlives its use"


def tell(told: dict[str, Any], named: bool) -> None:
    """The whole; `named`: each gap with its subjects."""
    counts = told["counts"]
    if not any(counts.values()):
        _nothing(told)
        _status(told)
        return
    _findings("On a way to a jewel", [one for one in told["findings"] if one["on_way"]])
    _findings("The rest", [one for one in told["findings"] if not one["on_way"]])
    _accepted(told["accepted"])
    _gaps(told["unknown"], told["gaps"], named)
    _families(told)
    _assumed(told)
    _windows(told["windows"], told["windows_unknown"])
    for one in told["idle_acceptances"]:
        text = f"{one['place']}: nothing fails {one['check']} of {one['subject']} any more, or it is misspelt"
        output.err.print(text, markup=False)
    _sum(told)
    _status(told)


def _status(told: dict[str, Any]) -> None:
    """Why the exit status is 3; else, what it leaves out of account."""
    unknown = told["counts"]["unknown"]
    for why in told["fails"]:
        output.out.print(f"Exit status 3: {why}.", markup=False)
    if unknown and not told["fails"]:
        output.out.print(
            f"Exit status 0 does not count {unknown:,} unknown: nobody judged them (--fail-on unknown does)."
        )


def _nothing(told: dict[str, Any]) -> None:
    if told["facts"]:
        output.out.print("nothing was judged: the estate holds nothing that these checks are about")
        output.out.print("  `ringfence show` says what was collected")
    else:
        output.out.print("nothing was judged: nothing was collected, the estate holds no fact")
        output.out.print("  `ringfence collect --from DIR -o FILE` makes one, `ringfence capture-script` what it reads")


def _sum(told: dict[str, Any]) -> None:
    counts = told["counts"]
    none = "no failures" if counts["passed"] or counts["accepted"] else "nothing could be judged"
    said = ", ".join(f"{count:,} {name}" for name, count in told["severities"].items() if count) or none
    seen = "" if told["as_of"].startswith("1970") else f"; newest fact of {told['as_of']}"
    output.out.print(
        f"{said}; {counts['accepted']:,} accepted, {counts['unknown']:,} unknown, {counts['passed']:,} passed{seen}"
    )


def _findings(title: str, found: list[dict[str, Any]]) -> None:
    if not found:
        return
    kept = shown(found)
    output.out.print(title, style="bold")
    for one in kept:
        block((one["severity"], one["check"], one["title"]), (_what(one), one["way"], f"Remedy: {one['remedy']}"))
    if len(found) > len(kept):
        output.out.print(f"… and {len(found) - len(kept)} more: --json lists them")
    output.out.print()


def shown(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of groups in their order those that a person sees: the first, and the first of every severity."""
    seen: dict[str, int] = {}
    kept = []
    for at, one in enumerate(found):
        seen[one["severity"]] = seen.get(one["severity"], 0) + 1
        if at < SHOWN or seen[one["severity"]] <= EACH:
            kept.append(one)
    return kept


def _what(one: dict[str, Any]) -> str:
    """The worst example, and how many more."""
    worst = one["examples"][0]
    more = f" (+{one['count'] - 1:,})" if one["count"] > 1 else ""
    return f"{worst['subject']}{more}: {worst['reason']}"


def _accepted(found: list[dict[str, Any]]) -> None:
    if found:
        rows = [
            (one["severity"], one["check"], f"{one['count']:,}", one["examples"][0]["subject"], *_by(one["accepted"]))
            for one in found
        ]
        table(("severity", "check", "times", "of", "owner", "until", "because"), rows, "Accepted")
        output.out.print()


def _by(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["owner"], one["expires"], one["reason"]


def _gaps(gaps: list[dict[str, Any]], missing: list[dict[str, Any]], named: bool) -> None:
    if not gaps:
        return
    if named:
        rows = [(one["check"], one["title"], one["says"], ", ".join(one["subjects"]), one["collect"]) for one in gaps]
        table(("check", "should be so", "unknown", "of", "collect"), rows, "Unknown")
        output.out.print()
        return
    told = [(f"{one['count']:,}", len(one["checks"]), ", ".join(one["wants"]), one["collect"]) for one in missing]
    table(("unknown", "checks", "for want of", "collect next, or why"), told, "Unknown is never safe")
    output.out.print()


def _families(told: dict[str, Any]) -> None:
    rows = [(one["name"], "" if one["compute_aware"] else "classic", *_counts(one)) for one in told["layers"]]
    rows += [(one["name"], "mismatch", *_counts(one)) for one in told["mismatches"]]
    table(("family", "", "checks", "with failures", "failed", "passed", "unknown"), rows, "Families")
    output.out.print()


def _counts(one: dict[str, Any]) -> tuple[object, ...]:
    passed = f"{one['passed']:,}" + (f" ({one['assumed']:,} assumed)" if one["assumed"] else "")
    return one["checks"], one["failed_checks"], f"{one['failed']:,}", passed, f"{one['unknown']:,}"


def _assumed(told: dict[str, Any]) -> None:
    """Which checks pass things that nobody captured, for they are like one that was."""
    few = [f"{one['check']} {one['assumed']:,} of {one['passed']:,}" for one in told["checks"] if one["assumed"]]
    if few:
        line = f"{told['assumed']:,} passes are assumed from a sample: {', '.join(few)}"
        output.out.print(line, markup=False)
        output.out.print()


def _windows(windows: list[dict[str, Any]], perhaps: list[dict[str, Any]]) -> None:
    """When each begins and ends, in words and as far as facts carry times; which may be open besides."""
    if windows:
        output.out.print(_WINDOWS, style="bold")
    for one in windows:
        which = f"{one['count']:,} open, from where {one['begins']} to where {one['ends']}"
        block((one["check"], one["title"]), (which, *one["times"], _seen(one)))
    if perhaps:
        which = many(len(perhaps), "window")
        names = ", ".join(one["check"] for one in perhaps)
        block((), (f"{which} may be open, nobody could judge: {names}",))
    if windows or perhaps:
        output.out.print()


def _seen(one: dict[str, Any]) -> str:
    """When surveys saw it open: not when it opened."""
    since, until = one["seen_at"], one["last_seen_at"]
    if since is None:
        return "when a survey saw it open is not known"
    return f"a survey saw it open at {since}" + ("" if since == until else f", and still at {until}")
