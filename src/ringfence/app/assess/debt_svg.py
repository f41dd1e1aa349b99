"""Small drawings of series as SVG text: no script, no request, readable in print and without colour."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

import msgspec

WIDTH, HEIGHT = 720, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 118, 16, 28
_ROOM, _LINE = 80, 15
"""Of the middle of a date's name to the next, and of a line of text to the next."""

_SIZES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


class Line(msgspec.Struct, frozen=True):
    """One series: a value per time, None where there is none. `style`: a class of the page's style sheet."""

    name: str
    values: tuple[float | None, ...]
    style: str
    filled: bool = False


def chart(times: Sequence[float], lines: Sequence[Line], title: str) -> str:
    """Lines over time (seconds UTC). Filled ones are drawn down to zero. Names stand at their ends."""
    known = [value for line in lines for value in line.values if value is not None]
    marks = ticks(max(known, default=1.0))
    top = marks[-1]
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" class="chart">',
        *_grid(marks),
        *_dates(times),
    ]
    for line in lines:
        points = [
            (_x(times, at), _y(value, top)) for at, value in zip(times, line.values, strict=True) if value is not None
        ]
        parts += _drawn(line, points)
    parts += _names(lines, top)
    return "".join(parts) + "</svg>"


def bars(rows: Sequence[tuple[str, float, str]], title: str) -> str:
    """(name, value, what it is), the bars to one scale."""
    top = max((value for _, value, _ in rows), default=1.0) or 1.0
    height = 26 * len(rows) + 4
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" class="chart">']
    for at, (name, value, said) in enumerate(rows):
        y = 26 * at
        long = 190 * value / top
        short = _cut(name, 30)
        said = _cut(said, 64 - len(short))
        parts.append(f'<text x="0" y="{y + 17}">{escape(short)} <tspan class="dim">{escape(said)}</tspan></text>')
        parts.append(f'<rect class="bar" x="430" y="{y + 5}" width="{max(1.0, long):.1f}" height="16" rx="2"/>')
        parts.append(f'<text class="dim" x="{438 + long:.1f}" y="{y + 17}">{value:,.2f}</text>')
    return "".join(parts) + "</svg>"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def ticks(most: float) -> tuple[float, ...]:
    """From 0 in round steps (1, 2 or 5 × 10ⁿ), at most five, to the first that is not below `most`.

    >>> ticks(0.3), ticks(5.1), ticks(37.9)
    ((0.0, 0.1, 0.2, 0.3), (0.0, 2.0, 4.0, 6.0), (0.0, 10.0, 20.0, 30.0, 40.0))
    """
    if not 0 < most < math.inf:
        most = 1.0
    size = 10.0 ** (math.floor(math.log10(most)) - 1)
    step = next(step for step in (size, 2 * size, 5 * size, 10 * size, 20 * size, 50 * size) if most <= _STEPS * step)
    count = math.ceil(most / step - 1e-9)
    return tuple(float(f"{number * step:.6g}") for number in range(count + 1))


_STEPS = 5 * (1 + 1e-9)
"""So many steps, and what arithmetic on decimals adds."""


def _x(times: Sequence[float], at: float) -> float:
    span = times[-1] - times[0]
    share = (at - times[0]) / span if span else 0.5
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM)


def _grid(marks: Sequence[float]) -> list[str]:
    parts = []
    for mark in marks:
        y = _y(mark, marks[-1])
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text class="dim" text-anchor="end" x="{_LEFT - 6}" y="{y + 4:.1f}">{_short(mark)}</text>')
    return parts


def _short(value: float) -> str:
    """At most six signs, so that it stays left of the drawing.

    >>> _short(0.05), _short(40.0), _short(2_500.0), _short(20_000.0), _short(3e12)
    ('0.05', '40', '2500', '20k', '3T')
    """
    if value < 10_000:
        return f"{value:g}"
    size, letter = next((size, letter) for size, letter in _SIZES if value >= size)
    return f"{value / size:g}{letter}" if value < 1e16 else f"{value:.0e}"


def _dates(times: Sequence[float]) -> list[str]:
    """The first, the last, and of those between as many as have room for their names."""
    places = [(_x(times, at), at) for at in times]
    last = places[-1]
    chosen = [places[0]]
    for place in places[1:-1]:
        if place[0] - chosen[-1][0] >= _ROOM and last[0] - place[0] >= _ROOM:
            chosen.append(place)
    if len(places) > 1 and last[0] - chosen[-1][0] >= _ROOM:
        chosen.append(last)
    mark = '<text class="dim" text-anchor="middle" x="{:.1f}" y="{}">{}</text>'
    return [mark.format(x, HEIGHT - 8, day(at)) for x, at in chosen]


def _drawn(line: Line, points: Sequence[tuple[float, float]]) -> list[str]:
    if not points:
        return []
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = []
    if line.filled and len(points) > 1:
        floor = HEIGHT - _BOTTOM
        whole = f"{points[0][0]:.1f},{floor} {path} {points[-1][0]:.1f},{floor}"
        parts.append(f'<polygon class="{line.style} fill" points="{whole}"/>')
    parts.append(f'<polyline class="{line.style} line" points="{path}"/>')
    parts += [f'<circle class="{line.style} dot" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in points]
    return parts


def _names(lines: Sequence[Line], top: float) -> list[str]:
    """Beside the last value of each, pushed apart where they would lie on one another, and never below the drawing."""
    ends = [(_y(known[-1], top), line) for line in lines if (known := [one for one in line.values if one is not None])]
    ends.sort(key=lambda end: end[0])
    places: list[float] = []
    for y, _ in ends:
        places.append(max(y, places[-1] + _LINE) if places else y)
    lowest = float(HEIGHT - _BOTTOM)
    for at in reversed(range(len(places))):
        places[at] = min(places[at], lowest)
        lowest = places[at] - _LINE
    return [
        f'<text class="{line.style} name" x="{WIDTH - _RIGHT + 10}" y="{y + 4:.1f}">{escape(line.name)}</text>'
        for y, (_, line) in zip(places, ends, strict=True)
    ]


def day(at: float) -> str:
    """2026-03-01."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
