"""A portfolio as one picture: the spread of compute-aware controls, and below it an estate a row, a layer a column.

A cell is filled from the left by the share in force, then by what is unknown; the rest failed. Text stands beside
every colour, so that the picture reads in print.
"""

from collections.abc import Iterator, Sequence
from html import escape
from textwrap import wrap

from ringfence.assess.check import CLASSIC, Layer
from ringfence.assess.portfolio import AWARE, BINS, PREDICATE, WORDS, Distribution, Portfolio, Reliance, Row, Tally

MOST_ROWS = 160
"""So many estates are drawn, half of them the worst and half the best; the table has all."""

_NAME, _CELL, _HIGH, _GAP, _PAD = 220, 84, 20, 14, 24
_SPREAD = 150
_GOOD, _OPEN, _BAD = "#8fcaa5", "#e4e4ea", "#eda097"
"""Light enough for dark text upon them, apart enough in grey."""
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1c1c22}.title{font-size:17px;font-weight:600}.head{font-weight:600}"
    ".dim{fill:#5d5d68}.small{font-size:11px}"
)
_COLUMNS: tuple[Layer, ...] = (*CLASSIC, *AWARE)
_RIGHT = 430
_LINE = 190
"""Letters of a line of small print, at most: two such lines hold the predicate."""
WIDTH = _PAD * 2 + _NAME + len(_COLUMNS) * _CELL + _GAP + _RIGHT


def svg(found: Portfolio) -> str:
    """The picture as one SVG document; without a script, a font or a request."""
    rows, left_out = _chosen(found.rows)
    spread = found.distribution()
    top = 74 + (_SPREAD if spread else 0)
    height = top + 44 + (len(rows) + 1) * _HIGH + 84
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-label="controls in force, per estate and layer">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        *_title(found),
        *(_spread(spread, found) if spread else ()),
        *_heads(top),
    ]
    y = top + 44
    parts += _row("all estates", found.layers(), y, None, "head")
    for at, row in enumerate(rows, 1):
        parts += _row(row.label, row.layers, y + at * _HIGH, row, "")
    if left_out:
        parts.append(
            _text(_PAD, height - 64, f"{left_out} estates between the worst and the best are not drawn", "dim")
        )
    parts += _legend(height - 46)
    for at, line in enumerate(wrap(PREDICATE, _LINE)):
        parts.append(_text(_PAD, height - 26 + 15 * at, line, "dim small"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _chosen(rows: Sequence[Row]) -> tuple[Sequence[Row], int]:
    if len(rows) <= MOST_ROWS:
        return rows, 0
    half = MOST_ROWS // 2
    return (*rows[:half], *rows[-half:]), len(rows) - 2 * half


def _title(found: Portfolio) -> Iterator[str]:
    counts = found.counts()
    yield _text(_PAD, 34, f"Controls in force in {len(found.rows)} estates", "title")
    said = ", ".join(f"{counts[kind]} {WORDS[kind]}" for kind in Reliance)
    yield _text(_PAD, 56, f"{said}; the worst first, by the share of compute-aware controls in force", "dim")


def _spread(spread: Distribution, found: Portfolio) -> Iterator[str]:
    """How many estates lie in each tenth of the share of compute-aware controls in force."""
    left, base, wide, high = _PAD + _NAME, 74 + _SPREAD - 40, 62, 84
    most = max(spread.tenths)
    yield _text(_PAD, 96, "compute-aware controls", "head")
    yield _text(_PAD, 112, "in force, per estate", "dim")
    yield _text(_PAD, 136, f"median {_percent(spread.median)}", "")
    yield _text(_PAD, 152, f"half lie in {_percent(spread.quarter)} to {_percent(spread.three_quarters)}", "dim small")
    for at, count in enumerate(spread.tenths):
        x, tall = left + at * wide, high * count / most
        yield f'<rect x="{x + 3}" y="{base - tall:.1f}" width="{wide - 6}" height="{tall:.1f}" fill="{_GOOD}"/>'
        if count:
            yield _text(x + wide / 2, base - tall - 4, str(count), "small", "middle")
        yield _text(x, base + 15, f"{100 * at // BINS}", "dim small", "middle")
    end = left + BINS * wide
    yield f'<line x1="{left}" x2="{end}" y1="{base}" y2="{base}" stroke="#8a8a94"/>'
    yield _text(end, base + 15, "100 %", "dim small", "middle")
    if len(found.rows) > 1:
        worst, best = found.rows[0], found.rows[-1]
        for at, (word, row) in enumerate((("worst", worst), ("best", best))):
            y = base - 50 + at * 40
            yield _text(end + 40, y, f"{word}: {_percent(row.covered)}", "head")
            yield _text(end + 40, y + 15, _cut(row.label, 44), "dim small")


def _heads(top: int) -> Iterator[str]:
    left = _PAD + _NAME
    split = left + len(CLASSIC) * _CELL + _GAP
    yield _text(left, top + 12, "what every data centre has", "head")
    yield _text(split, top + 12, "compute-aware", "head")
    for at, layer in enumerate(_COLUMNS):
        yield _text(_x(at), top + 32, layer, "dim")
    yield _text(_x(len(_COLUMNS)) + 8, top + 32, "compute-aware: in force", "dim")
    yield f'<line x1="{split - _GAP / 2}" x2="{split - _GAP / 2}" y1="{top}" y2="{top + 38}" stroke="#8a8a94"/>'


def _x(at: int) -> int:
    return _PAD + _NAME + at * _CELL + (_GAP if at >= len(CLASSIC) else 0)


def _row(name: str, layers: dict[Layer, Tally], y: int, row: Row | None, style: str) -> Iterator[str]:
    yield _text(_PAD, y + 14, _cut(name, 32), style)
    for at, layer in enumerate(_COLUMNS):
        yield from _cell(_x(at), y, layers[layer])
    x = _x(len(_COLUMNS)) + 8
    if row is not None:
        yield f'<rect x="{x}" y="{y + 4}" width="{100 * row.covered:.1f}" height="{_HIGH - 8}" fill="{_GOOD}"/>'
        yield f'<rect x="{x}" y="{y + 4}" width="100" height="{_HIGH - 8}" fill="none" stroke="#8a8a94"/>'
        yield _text(x + 108, y + 14, _percent(row.covered), "")
        yield _text(x + 150, y + 14, row.told, "head" if row.reliance is Reliance.DATA_CENTRE else "dim")


def _cell(x: int, y: int, tally: Tally) -> Iterator[str]:
    if not tally.controls:
        yield _text(x + (_CELL - 6) / 2, y + 14, "·", "dim", "middle")
        return
    at, wide = float(x), float(_CELL - 6)
    for count, colour in ((tally.passed, _GOOD), (tally.unknown, _OPEN), (tally.failed, _BAD)):
        part = wide * count / tally.controls
        if count:
            yield f'<rect x="{at:.1f}" y="{y + 2}" width="{part:.1f}" height="{_HIGH - 4}" fill="{colour}"/>'
        at += part
    yield _text(x + wide / 2, y + 14, _percent(tally.share or 0.0), "small", "middle")


def _legend(y: int) -> Iterator[str]:
    x = _PAD
    for colour, word in ((_GOOD, "in force"), (_OPEN, "unknown"), (_BAD, "failed")):
        yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>'
        yield _text(x + 18, y, word, "dim")
        x += 92
    yield _text(x, y, "a cell: the share of the controls that apply, each as far as it holds; · none applies", "dim")


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    known = f' class="{style}"' if style else ""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:g}" y="{y:g}"{known}{where}>{escape(text)}</text>'


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
