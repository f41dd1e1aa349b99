"""An attack tree as an SVG picture of a fixed width: the goal on top, what it needs below it, one box a row.

    goal
    OR ├─ a way            where there is a choice, or several are needed, each is set in
       │   │
       │  a step of it     what has one need only stands right above it: a path reads down
       └─ another way

At its own width of 1600 the text is 13 px high; it shrinks with a narrower page, and a long one scrolls.
"""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

import msgspec

from ringfence.assess.threat import State
from ringfence.assess.tree import Node

WIDTH = 1600
_EDGE, _INDENT, _NARROW, _WIDEST = 20, 40, 420, 780
_LINE, _PAD, _ROOM, _LETTER, _STEM = 17, 7, 16, 7, 16
_CHARACTERS, _MOST_LINES = 108, 6
_COLOURS = {
    State.OPEN: ("#fdecea", "#b3261e"),
    State.MITIGATED: ("#e7f4ea", "#1e7d34"),
    State.UNKNOWN: ("#f1f1f4", "#6b6b76"),
}
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1c1c22}.gate{font-weight:600;font-size:10px;fill:#fff}"
    ".line{fill:none;stroke:#8a8a94;stroke-width:1.4}"
)
_LEGEND = ((State.OPEN, "open"), (State.UNKNOWN, "unknown"), (State.MITIGATED, "mitigated"))


class _Box(msgspec.Struct):
    node: Node
    left: float
    lines: list[str]
    children: list["_Box"]
    top: float = 0.0

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + 2 * _PAD

    @property
    def wide(self) -> float:
        longest = max(len(line) for line in self.lines) * _LETTER + 24
        return min(max(longest, 120), WIDTH - _EDGE - self.left)

    @property
    def middle(self) -> float:
        return self.top + self.height / 2

    @property
    def bottom(self) -> float:
        return self.top + self.height


def svg(trees: Sequence[Node]) -> str:
    """The trees one below the other, as one SVG document."""
    deepest = max((_choices(node) for node in trees), default=0)
    indent = min(_INDENT, (WIDTH - 2 * _EDGE - _NARROW) / max(deepest, 1))
    boxes, at = [], 52.0
    for node in trees:
        box = _box(node, _EDGE, indent)
        at = _place(box, at) + 26
        boxes.append(box)
    everything = [one for box in boxes for one in _all(box)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {at:.0f}" width="100%" '
        f'height="{at:.0f}" preserveAspectRatio="xMinYMin meet" role="img" aria-label="attack trees">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{at:.0f}" fill="#fff"/>',
        *_legend(),
        *(line for one in everything for line in _edges(one)),
        *(part for one in everything for part in _drawn(one)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _choices(node: Node) -> int:
    """How often one is set in on the way to the deepest leaf."""
    below = max(map(_choices, node.children), default=0)
    return below + (len(node.children) > 1)


def _box(node: Node, left: float, indent: float) -> _Box:
    room = min(_WIDEST, WIDTH - _EDGE - left)
    inside = left + indent * (len(node.children) > 1)
    lines = wrapped(node.text, min(_CHARACTERS, int((room - 24) / _LETTER)))
    return _Box(node, left, lines, [_box(child, inside, indent) for child in node.children])


def _place(box: _Box, top: float) -> float:
    """Put a box and all below it under `top`; returns where the next may begin."""
    box.top = top
    at = box.bottom + _ROOM
    for child in box.children:
        at = _place(child, at)
    return at


def _all(box: _Box) -> Iterator[_Box]:
    yield box
    for child in box.children:
        yield from _all(child)


def _legend() -> Iterator[str]:
    for at, (state, name) in enumerate(_LEGEND):
        fill, line = _COLOURS[state]
        left = _EDGE + at * 110
        yield f'<rect x="{left}" y="14" width="16" height="16" rx="3" fill="{fill}" stroke="{line}"/>'
        yield f'<text x="{left + 23}" y="27">{name}</text>'


def _edges(box: _Box) -> Iterator[str]:
    """Straight down to the only need; else a stem with an arm to each."""
    x = box.left + _STEM
    for child in box.children:
        arm = f"V{child.top:.1f}" if len(box.children) == 1 else f"V{child.middle:.1f}H{child.left:.1f}"
        yield f'<path class="line" d="M{x:.1f} {box.bottom:.1f}{arm}"/>'


def _drawn(box: _Box) -> Iterator[str]:
    fill, line = _COLOURS[box.node.state]
    yield (
        f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.wide:.0f}" height="{box.height:.0f}" rx="6" '
        f'fill="{fill}" stroke="{line}"/>'
    )
    for number, text in enumerate(box.lines):
        y = box.top + _PAD + (number + 0.78) * _LINE
        yield f'<text x="{box.left + 10:.1f}" y="{y:.1f}">{escape(text)}</text>'
    if box.node.gate and len(box.children) > 1:
        x, y = box.left + _STEM, box.bottom + 2
        yield f'<rect x="{x - 15:.1f}" y="{y - 8:.1f}" width="30" height="16" rx="8" fill="{line}"/>'
        yield f'<text class="gate" x="{x:.1f}" y="{y + 3.5:.1f}" text-anchor="middle">{box.node.gate.upper()}</text>'


def wrapped(text: str, wide: int = _CHARACTERS) -> list[str]:
    """`text` in lines of at most `wide` characters, broken after blanks and slashes; the last says what was cut."""
    found, line = [], ""
    for word in _words(text, wide):
        if line and len(line) + len(word.rstrip()) > wide:
            found.append(line.rstrip())
            line = ""
        line += word
    found.append(line.rstrip())
    return found if len(found) <= _MOST_LINES else [*found[: _MOST_LINES - 1], found[_MOST_LINES - 1][:-1] + "…"]


def _words(text: str, wide: int) -> Iterator[str]:
    word = ""
    for letter in "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text):
        word += letter
        if letter in " /" or len(word) >= wide:
            yield word
            word = ""
    yield word
