"""The monthly report: one HTML file, drawn from `debt_shown.shown` alone, for the screen and for two sheets of paper.

Names in it come from captures, hence from attackers: every one is escaped, and the page runs no script and asks
nothing of any network.
"""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from ringfence.app.assess.debt_notes import LEFT
from ringfence.app.assess.debt_svg import Line, bars, chart, day
from ringfence.errors import UsageError
from ringfence.store.saved import write_private

_GOOD, _BAD = ("keeps pace", "pays down", "nothing owed"), ("falls behind", "refused")
_SHOWN = 0.005
"""What rounds to 0.00 is not listed as owing or buying anything."""


def write_debt_report(told: Mapping[str, Any], path: Path) -> None:
    """Write the report, readable by its owner only. Raises `UsageError` where there is no such folder."""
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder", "make it first, or name another")
    write_private(path, debt_page(told).encode())


def debt_page(told: Mapping[str, Any]) -> str:
    """The whole page."""
    windows = told["windows"]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Security debt</title>',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<style>{_style()}</style></head><body>",
        f"<h1>Security debt</h1><p class=dim>{_span(windows)}. One unit is one crown jewel lost for certain.</p>",
        _verdict(told),
        _figures(told),
        _over_time(windows),
        "".join(f"<p class=dim>{escape(one)}.</p>" for one in told["notes"]),
        _contributors(told["contributors"]),
        _plan(told),
        _flow(told),
        _findings(told),
        "</body></html>",
    ]
    return "".join(parts)


def _span(windows: Sequence[Mapping[str, Any]]) -> str:
    if len(windows) == 1:
        return f"{day(windows[0]['at'])}, 1 survey"
    return f"{day(windows[0]['at'])} to {day(windows[-1]['at'])}, {len(windows)} surveys"


def _style() -> str:
    return (files("ringfence.app.assess") / "assets" / "debt.css").read_text("utf-8")


def _verdict(told: Mapping[str, Any]) -> str:
    verdict = told["verdict"]
    mood = "good" if verdict["pace"] in _GOOD else "bad" if verdict["pace"] in _BAD else ""
    label = " (estimated)" if verdict["estimated"] else ""
    reasons = "".join(f"<p>{escape(one)}</p>" for one in verdict["reasons"])
    return f'<div class="verdict {mood}"><b>Against compute: {escape(verdict["pace"])}{label}</b>{reasons}</div>'


def _figures(told: Mapping[str, Any]) -> str:
    now = told["windows"][-1]
    half = "–" if told["half_life_days"] is None else f"{told['half_life_days']:.0f} d"
    figures = (
        (f"{now['debt']:.2f}", "debt"),
        (f"{now['principal']:.2f}", "principal"),
        (f"{now['interest']:.2f}", "interest"),
        (f"{now['open']:,}", "findings open"),
        (f"{now['over_a_year']:,}", "open over a year"),
        (half, "half are fixed after"),
        (f"{now['coverage']['share']:.1%}", "coverage"),
        (f"{now['hygiene']['points']:,.0f}", "hygiene points, apart"),
    )
    return '<div class="figures">' + "".join(f"<div><b>{a}</b><span>{b}</span></div>" for a, b in figures) + "</div>"


def _over_time(windows: Sequence[Mapping[str, Any]]) -> str:
    if len(windows) == 1:
        return _once(windows[0])
    times = [one["at"] for one in windows]
    owed = Line("debt", tuple(one["debt"] for one in windows), "debt", True)
    base = Line("of it principal", tuple(one["principal"] for one in windows), "base", True)
    return (
        "<section><h2>Debt</h2>"
        + chart(times, [owed, base], "Debt over time, and the principal in it")
        + "</section><section><h2>Debt and compute, each against its first survey</h2>"
        + chart(
            times,
            [
                Line("debt", _relative([one["debt"] for one in windows]), "debt"),
                Line("FLOP/s", _relative([one["flops"] for one in windows]), "flops"),
                Line("GPU-hours", _relative([one["gpu_hours_per_day"] for one in windows]), "hours"),
            ],
            "Debt, installed FLOP/s and GPU-hours, each relative to its first value",
        )
        + f"<p class=dim>{_coverage(windows)}</p></section>"
    )


def _once(window: Mapping[str, Any]) -> str:
    """One survey has no course yet."""
    parts = [
        ("principal", window["principal"], "what is exposed"),
        ("interest", window["interest"], "what waiting added"),
    ]
    return (
        "<section><h2>Debt</h2>"
        + bars(parts, "Principal and interest")
        + "<p class=dim>Of one survey. From the second on, debt and compute are drawn over time; eight make a verdict "
        f"that is not estimated. {_coverage([window])}</p></section>"
    )


def _relative(values: Sequence[float]) -> tuple[float | None, ...]:
    """Each against the first that is above zero."""
    first = next((value for value in values if value > 0), 0.0)
    return tuple(value / first if first else None for value in values)


def _coverage(windows: Sequence[Mapping[str, Any]]) -> str:
    shares = [one["coverage"]["share"] for one in windows]
    estimated = " GPU-hours are estimated: no accounting was read." if windows[-1]["gpu_hours_estimated"] else ""
    refused = sum(len(one["refused"]) for one in windows)
    told = f" {refused:,} figures are none, or more than can be, and were not counted." if refused else ""
    low, high = f"{min(shares):.1%}", f"{max(shares):.1%}"
    return f"Coverage {f'was {low}' if low == high else f'lay between {low} and {high}'}.{estimated}{told}"


def _contributors(rows: Sequence[Mapping[str, Any]]) -> str:
    drawn = [(row["check"], row["owes"], row["title"]) for row in rows[:8] if row["owes"] >= _SHOWN]
    if not drawn:
        return ""
    return "<section><h2>Who owes it</h2>" + bars(drawn, "Debt by check") + "</section>"


def _plan(told: Mapping[str, Any]) -> str:
    if not told["next"]:
        return ""
    rows = "".join(_step(at, row) for at, row in enumerate(told["next"], 1))
    return (
        "<section><h2>Pay-down plan</h2>"
        f"<p class=dim>{escape(_sentence(LEFT))}</p>"
        "<table><tr><th class=n></th><th class=n>buys</th><th class=n>left</th>"
        f"<th class=n>findings</th><th>check</th><th>what to do</th></tr>{rows}</table></section>"
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _step(at: int, row: Mapping[str, Any]) -> str:
    """One line; what buys only together is one step of several checks."""
    steps = [row, *row["together"]]
    buys = f"{row['buys']:.2f}" if row["buys"] >= _SHOWN else "&lt; 0.01"
    findings = sum(one["findings"] for one in steps)
    checks = " + ".join(f"<span class=id>{escape(one['check'])}</span>" for one in steps)
    if len(steps) == 1:
        remedy = escape(row["remedy"])
    else:
        remedy = "Only together. " + " ".join(
            f"<b>{escape(one['check'])}</b>: {escape(one['remedy'])}" for one in steps
        )
    return (
        f"<tr><td class=n>{at}</td><td class=n>{buys}</td><td class=n>{row['after']:.2f}</td>"
        f"<td class=n>{findings:,}</td><td>{checks}</td><td>{remedy}</td></tr>"
    )


def _flow(told: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>in {round(12 * row['years'])} months</td><td class=n>{row['untouched']:.2f}</td>"
        f"<td class=n>{_went(row)}</td></tr>"
        for row in told["forecast"]
    )
    several = len(told["windows"]) > 1  # one survey shows nothing that came or went
    arrive, closed = f"{told['arrivals_per_day']:.2f}", f"{told['capacity_per_day']:.2f}"
    flow = f"<p>{arrive} findings a day arrive, {closed} can be closed.</p>" if several else ""
    if not rows:
        return f"<section><h2>Where it goes</h2>{flow}</section>" if flow else ""
    return (
        f"<section><h2>Where it goes</h2>{flow}<table><tr><th></th><th class=n>if nothing is touched</th>"
        f"<th class=n>as it went (90 %)</th></tr>{rows}</table></section>"
    )


def _went(row: Mapping[str, Any]) -> str:
    return f"{row['as_it_went']:.2f} ({row['band'][0]:.2f} to {row['band'][1]:.2f})" if "as_it_went" in row else "–"


def _findings(told: Mapping[str, Any]) -> str:
    owing = [row for row in told["findings"] if row["owes"] >= _SHOWN]
    rows = "".join(
        f"<tr><td class=n>{row['owes']:,.2f}</td><td class=id>{escape(row['check'])}</td>"
        f"<td>{escape(row['subject'])}</td><td>{escape(row['class'])}</td>"
        f"<td class=id>{day(row['opened'])}{' (estimated)' if row['estimated'] else ''}</td>"
        f"<td class=n>{row['age_days']:,.0f}</td><td>{escape(row['state'])}</td></tr>"
        for row in owing[:20]
    )
    if not rows:
        return ""
    return (
        "<section class=long><h2>Findings on the likeliest ways</h2><p class=dim>What a check owes, split among its "
        "findings there by how long they are overdue.</p><table><thead><tr><th class=n>owes</th><th>check</th>"
        "<th>on</th><th>class</th><th>opened</th><th class=n>days</th><th></th></tr></thead>"
        f"<tbody>{rows}</tbody></table></section>"
    )
