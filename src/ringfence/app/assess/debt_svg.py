"""Small drawings of series as SVG text: no script, no request, readable in print and without colour."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

import msgspec

WIDTH, HEIGHT = 720, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 118, 16, 28


class Line(msgspec.Struct, frozen=True):
    """One series: a value per time, None where there is none. `style`: a class of the page's style sheet."""

    name: str
    values: tuple[float | None, ...]
    style: str
    filled: bool = False


def chart(times: Sequence[float], lines: Sequence[Line], title: str) -> str:
    """Lines over time (seconds UTC). Filled ones are drawn down to zero. Names stand at their ends."""
    known = [value for line in lines for value in line.values if value is not None]
    top = nice(max(known, default=1.0))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" class="chart">',
        *_grid(top),
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
        long = 240 * value / top
        parts.append(f'<text x="0" y="{y + 17}">{escape(name)} <tspan class="dim">{escape(_cut(said))}</tspan></text>')
        parts.append(f'<rect class="bar" x="430" y="{y + 5}" width="{max(1.0, long):.1f}" height="16" rx="2"/>')
        parts.append(f'<text class="dim" x="{438 + long:.1f}" y="{y + 17}">{value:.2f}</text>')
    return "".join(parts) + "</svg>"


def _cut(text: str) -> str:
    return text if len(text) <= 54 else f"{text[:53]}…"


def nice(value: float) -> float:
    """The least of 1, 2, 4, 8 × 10ⁿ that is not below.

    >>> nice(0.3), nice(7.0), nice(25.1)
    (0.4, 8.0, 40.0)
    """
    size = 1e-6
    while size * 10 < value:
        size *= 10
    return next(
        (round(size * step, 9) for step in (1.0, 2.0, 4.0, 8.0, 10.0) if size * step >= value * (1 - 1e-9)), size
    )


def _x(times: Sequence[float], at: float) -> float:
    span = times[-1] - times[0]
    share = (at - times[0]) / span if span else 0.5
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM)


def _grid(top: float) -> list[str]:
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(share * top, top)
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text class="dim" text-anchor="end" x="{_LEFT - 6}" y="{y + 4:.1f}">{share * top:g}</text>')
    return parts


def _dates(times: Sequence[float]) -> list[str]:
    """At most six of them, the first and the last among them."""
    step = max(1, -(-(len(times) - 1) // 5)) if len(times) > 1 else 1
    chosen = sorted({*range(0, len(times) - step // 2 if len(times) > 1 else 1, step), len(times) - 1})
    mark = '<text class="dim" text-anchor="middle" x="{:.1f}" y="{}">{}</text>'
    return [mark.format(_x(times, times[at]), HEIGHT - 8, day(times[at])) for at in chosen]


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
    """Beside the last value of each, pushed apart where they would lie on one another."""
    ends = [(_y(line.values[-1], top), line) for line in lines if line.values and line.values[-1] is not None]
    parts, last = [], -20.0
    for y, line in sorted(ends, key=lambda end: end[0]):
        last = max(y, last + 15)
        parts.append(
            f'<text class="{line.style} name" x="{WIDTH - _RIGHT + 10}" y="{last + 4:.1f}">{escape(line.name)}</text>'
        )
    return parts


def day(at: float) -> str:
    """2026-03-01."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
