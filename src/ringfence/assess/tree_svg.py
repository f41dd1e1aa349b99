"""Attack trees as an SVG picture 1600 wide: the goal on top, what it needs below it, beside each other where that fits.

    goal ─────────────────────          what has one need only stands right above it: a path reads down
    OR ┬───────────────┬
       a way           another way      choices stand side by side where that makes the picture lower,
       │               AND ├─ …         else one below the other, set in
       a step of it        └─ …

Several trees stand in columns. What they share is drawn once and has a number, which stands for it elsewhere. At its
own width the text is 13 px high; it shrinks with a narrower page, and a long one scrolls.
"""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from ringfence.assess.threat import State
from ringfence.assess.tree import Node
from ringfence.assess.tree_layout import EDGE, LINE, PAD, STEM, WIDTH, Box, laid_out
from ringfence.assess.tree_share import shared

_TOP, _BADGE = 48, 22
_COLOURS = {
    State.OPEN: ("#fdecea", "#b3261e"),
    State.MITIGATED: ("#e7f4ea", "#1e7d34"),
    State.UNKNOWN: ("#f1f1f4", "#6b6b76"),
}
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1c1c22}.how{fill:#5c5c66}.goal{font-weight:600}"
    ".gate{font-weight:600;font-size:10px;fill:#fff}.line{fill:none;stroke:#8a8a94;stroke-width:1.4}"
)
_LEGEND = ((State.OPEN, "open"), (State.UNKNOWN, "unknown"), (State.MITIGATED, "mitigated"))
_NUMBERS = "a number in a circle stands for what is drawn once, where the circle is filled"


def svg(trees: Sequence[Node]) -> str:
    """The trees as one SVG document."""
    parts = shared(trees)
    boxes, high = laid_out(parts, _TOP)
    everything = [one for box in boxes for one in _all(box)]
    numbered = any(one.part.number for one in everything)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high:.0f}" width="100%" '
        f'height="{high:.0f}" preserveAspectRatio="xMinYMin meet" role="img" aria-label="attack trees">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{high:.0f}" fill="#fff"/>',
        *_legend(numbered),
        *(line for one in everything for line in _edges(one)),
        *(text for one in everything for text in _drawn(one)),
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


def _all(box: Box) -> Iterator[Box]:
    yield box
    for column in box.columns:
        for child in column:
            yield from _all(child)


def _legend(numbered: bool) -> Iterator[str]:
    for at, (state, name) in enumerate(_LEGEND):
        fill, line = _COLOURS[state]
        left = EDGE + at * 110
        yield f'<rect x="{left}" y="14" width="16" height="16" rx="3" fill="{fill}" stroke="{line}"/>'
        yield f'<text x="{left + 23}" y="27">{name}</text>'
    if numbered:
        yield f'<text class="how" x="{EDGE + 345}" y="27">{_NUMBERS}</text>'


def _edges(box: Box) -> Iterator[str]:
    """Straight down to the only need; to columns by a bar above them; along a stem with an arm to each of several."""
    x = box.left + STEM
    if box.beside:
        bar, last = box.bar, box.columns[-1][0].left + STEM
        yield f'<path class="line" d="M{x:.1f} {box.bottom:.1f}V{bar:.1f}H{last:.1f}"/>'
        for column in box.columns:
            for child in column:
                yield f'<path class="line" d="M{child.left + STEM:.1f} {bar:.1f}V{child.top:.1f}"/>'
        return
    for child in box.children:
        arm = f"V{child.top:.1f}" if len(box.children) == 1 else f"V{child.middle:.1f}H{child.left:.1f}"
        yield f'<path class="line" d="M{x:.1f} {box.bottom:.1f}{arm}"/>'


def _drawn(box: Box) -> Iterator[str]:
    part = box.part
    fill, line = _COLOURS[part.state]
    dashed = ' stroke-dasharray="5 3"' if part.see else ""
    yield (
        f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.wide:.0f}" height="{box.height:.0f}" rx="6" '
        f'fill="{fill}" stroke="{line}"{dashed}/>'
    )
    for number, (text, how) in enumerate(box.lines):
        y = box.top + PAD + (number + 0.78) * LINE
        kind = ' class="how"' if how else ' class="goal"' if box.goal else ""
        yield f'<text{kind} x="{box.left + 10:.1f}" y="{y:.1f}">{escape(text)}</text>'
    if part.number or part.see:
        yield from _badge(box, line)
    if part.gate and len(part.children) > 1:
        x, y = box.left + STEM, box.bottom + 2
        yield f'<rect x="{x - 15:.1f}" y="{y - 8:.1f}" width="30" height="16" rx="8" fill="{line}"/>'
        yield f'<text class="gate" x="{x:.1f}" y="{y + 3.5:.1f}" text-anchor="middle">{part.gate.upper()}</text>'


def _badge(box: Box, line: str) -> Iterator[str]:
    """The number in the upper right corner: filled where it is drawn, hollow where it stands for that."""
    x, y = box.left + box.wide - _BADGE / 2 - 3, box.top + _BADGE / 2 + 3
    fill, ink = (line, "#fff") if box.part.number else ("#fff", line)
    yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_BADGE / 2 - 1}" fill="{fill}" stroke="{line}"/>'
    name = box.part.number or box.part.see
    yield (f'<text class="gate" x="{x:.1f}" y="{y + 3.5:.1f}" text-anchor="middle" style="fill:{ink}">{name}</text>')
