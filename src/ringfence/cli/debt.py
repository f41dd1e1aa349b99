"""`ringfence debt`: whether security debt grows faster than compute."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators

from ringfence.app import targets
from ringfence.app.assess.debt import history
from ringfence.app.assess.debt_history import estates_in, retired_hosts
from ringfence.app.assess.debt_notes import LEFT
from ringfence.app.assess.debt_report import write_debt_report
from ringfence.app.assess.debt_shown import shown
from ringfence.cli import output
from ringfence.cli.estate import AsJson, Identity

_TERA = 1e12
PARTIAL = 3
_SHOWN = 0.005
"""What rounds to 0.00 is not listed as owing or buying anything."""


def debt(
    *,
    history_: Annotated[Path, Parameter(name=["--history"])],
    fixes: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 10,
    retired: Path | None = None,
    since: str = "",
    report: Path | None = None,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Say what open findings could cost the crown jewels, since when, and whether that outgrows compute.

    One saved estate is enough for a first answer, marked *estimated*; eight of them make a verdict.

    Example: `ringfence debt --history estates/ --report debt.html`

    A file that cannot be read, whose date is none, before 2000 or ahead of today, which another has too, or much later
    than all its facts, is named and left out: exit status 3.

    Parameters
    ----------
    history_
        A folder of saved estates, one per survey; the date in a file's name is its time (`2026-03-01.estate`).
    fixes
        How many fixes ahead to plan.
    retired
        Names of what was taken out of service, one id a line (a bare name is a host's): it does not lower coverage.
    since
        Begin with the surveys of this day (2026-03-01), as if there were none before: where what is surveyed changed.
    report
        Also write the report, one HTML file that prints well.
    """
    targets.pages({"--report": report}, history_, retired, identity)
    with output.progress(not json) as step:
        step("reading the history")
        surveys = estates_in(history_, identity, since)
        found = history(surveys, retired=retired_hosts(retired))
        step("attributing, and planning fixes")
        told = shown(found, fixes, surveys.problems, surveys.earlier)
        if report:
            write_debt_report(told, report)
    if json:
        output.json(told)
    else:
        tell(told)
    if report:
        output.err.print(f"{report} has the picture: open it in a browser, or print it.", markup=False)
    output.problems(surveys.problems)
    return PARTIAL if surveys.problems else 0


def tell(told: dict[str, Any]) -> None:
    """The whole answer in plain words."""
    say = output.out.print
    verdict = told["verdict"]
    say(f"Security {headline(told)}", style="bold", markup=False)
    for reason in verdict["reasons"]:
        say(f"  {output.harmless(reason)}", markup=False)
    if told["earlier"]:
        say(f"  {told['earlier']:,} earlier surveys were left out: it begins with --since", markup=False)
    rows = [_row(window) for window in told["windows"][-12:]]
    columns = ("window", "debt", "principal", "interest", "open", "over a year", "coverage", "TFLOP/s", "GPU-hours/day")
    output.table(columns, rows)
    for note in told["notes"]:
        say(output.harmless(note), markup=False)
    _flow(told)
    tell_plan(told)


def headline(told: dict[str, Any]) -> str:
    """The verdict with its label."""
    label = " (estimated)" if told["verdict"]["estimated"] else ""
    return f"against compute: {told['verdict']['pace']}{label}"


def tell_plan(told: dict[str, Any], most: int = 10) -> None:
    """Largest contributors and the fixes that buy most."""
    say = output.out.print
    owing = [row for row in told["contributors"] if row["owes"] >= _SHOWN]
    if owing:
        say("\nWho owes it" + ("" if told["contributors_exact"] else " (drawn orders)") + ":", style="bold")
        rows = [(f"{row['owes']:.2f}", f"{row['findings']:,}", row["check"], row["title"]) for row in owing[:most]]
        output.table(("owes", "findings", "check", "what"), rows)
        rest = len(told["contributors"]) - min(most, len(owing))
        if rest:
            say(f"and less each: {rest:,} other checks with findings on ways", markup=False)
    if told["next"]:
        say("\nWhat the next fixes buy" + ("" if told["next_exact"] else " (greedy)") + ":", style="bold")
        say(LEFT, markup=False)
        bought = [(_amount(row["buys"]), f"{row['after']:.2f}", *_steps(row)) for row in told["next"][:most]]
        output.table(("buys", "left", "findings", "check", "what to do"), bought)
    elif owing:
        say("\nSo few fixes buy nothing, for ways are doubled: plan more of them with --fixes", markup=False)


def _amount(value: float) -> str:
    return f"{value:.2f}" if value >= _SHOWN else "< 0.01"


def _steps(row: dict[str, Any]) -> tuple[str, str, str]:
    """(findings, checks, remedies) of a fix, and of those that must come with it."""
    steps = [row, *row["together"]]
    findings = f"{sum(one['findings'] for one in steps):,}"
    if len(steps) == 1:
        return findings, row["check"], row["remedy"]
    remedies = " ".join(f"{one['check']}: {one['remedy']}" for one in steps)
    return findings, " + ".join(one["check"] for one in steps), f"Only together. {remedies}"


def tell_picture(told: dict[str, Any]) -> None:
    """Debt beside compute, month by month, and the three fixes that buy most."""
    say = output.out.print
    windows = told["windows"]
    say("\nSecurity debt of a cluster that grows, beside its compute (on yours: ringfence debt):", style="bold")
    most = max((one["debt"] for one in windows), default=0.0) or 1.0
    first = windows[0]
    rows = [
        (
            _day(one["at"]),
            f"{one['debt']:.1f}",
            "█" * round(24 * one["principal"] / most) + "░" * round(24 * (one["debt"] - one["principal"]) / most),
            f"× {one['flops'] / first['flops']:.2f}" if first["flops"] else "–",
        )
        for one in windows
    ]
    output.table(("survey", "debt", "principal █, interest ░", "FLOP/s"), rows)
    say(f"Security {headline(told)}", markup=False)
    for reason in told["verdict"]["reasons"]:
        say(f"  {output.harmless(reason)}", markup=False)
    say("\nThe three fixes that buy most:", style="bold")
    for number, row in enumerate(told["next"][:3], 1):
        findings, checks, remedy = _steps(row)
        what = f"{checks} on {findings}: buys {_amount(row['buys'])}, leaves {row['after']:.2f}"
        say(f"  {number}. {what}\n     {remedy}", markup=False)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _row(window: dict[str, Any]) -> tuple[object, ...]:
    return (
        _day(window["at"]),
        f"{window['debt']:.2f}",
        f"{window['principal']:.2f}",
        f"{window['interest']:.2f}",
        f"{window['open']:,}" + (f" (+{window['carried']:,} carried)" if window["carried"] else ""),
        window["over_a_year"],
        f"{window['coverage']['share']:.1%}",
        f"{window['flops'] / _TERA:,.0f}",
        f"{window['gpu_hours_per_day']:,.0f}" + ("*" if window["gpu_hours_estimated"] else ""),
    )


def _refused(windows: Sequence[dict[str, Any]], most: int = 5) -> None:
    """Figures that reached no sum, the latest first."""
    found = [f"{_day(one['at'])}: {what}" for one in reversed(windows) for what in one["refused"]]
    for what in found[:most]:
        output.out.print(f"not counted, {output.harmless(what)}", markup=False)
    if len(found) > most:
        output.out.print(f"and {len(found) - most:,} more figures are not counted: --json names them", markup=False)


def _models(window: dict[str, Any], most: int = 5) -> str:
    """The most frequent models without a figure, and how many accelerators of others there are."""
    counts = sorted(window["unknown_models"].items(), key=lambda one: (-one[1], one[0]))
    named = [f"{count:,} × {output.harmless(model)[:60]}" for model, count in counts[:most]]
    others = sum(count for _, count in counts[most:])
    return ", ".join([*named, *([f"{others:,} of {len(counts) - most:,} other models"] if others else [])])


def _flow(told: dict[str, Any]) -> None:
    say = output.out.print
    last = told["windows"][-1]
    if last["gpu_hours_estimated"]:
        say("* no accounting was read: what is allocated now, for 24 hours", markup=False)
    _refused(told["windows"])
    if last["unknown_models"]:
        say(f"not counted in FLOP/s, for no published figure is known here: {_models(last)}", markup=False)
    hygiene = last["hygiene"]
    say(
        f"apart from it, hygiene: {hygiene['findings']:,} findings on no way to a jewel "
        f"({hygiene['points']:.1f} points), "
        f"{hygiene['unknown']:,} answers not known ({hygiene['unknown_points']:.1f} points)",
        markup=False,
    )
    if last["uncovered"]:
        say(f"and {last['uncovered']:.2f} of exposure rests on weaknesses that no check covers", markup=False)
    half = "not reached yet" if told["half_life_days"] is None else f"{told['half_life_days']:.0f} days"
    if len(told["windows"]) > 1:
        say(
            f"{told['arrivals_per_day']:.2f} findings a day arrive, {told['capacity_per_day']:.2f} can be closed; "
            f"half are fixed after: {half}",
            markup=False,
        )
    for row in told["forecast"]:
        went = f"; as it went {row['as_it_went']:.2f}" if "as_it_went" in row else ""
        say(f"in {round(12 * row['years'])} months: {row['untouched']:.2f} if nothing is touched{went}", markup=False)
