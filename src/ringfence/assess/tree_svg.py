"""An attack tree as an SVG picture: the goal on the left, what it needs to its right, one leaf a row."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

import msgspec

from ringfence.assess.threat import State
from ringfence.assess.tree import Node

_WIDE, _GAP, _LINE, _PAD, _ROOM = 310, 46, 15, 9, 12
_CHARACTERS, _MOST_LINES = 39, 6
_COLOURS = {
    State.OPEN: ("#fdecea", "#b3261e"),
    State.MITIGATED: ("#e7f4ea", "#1e7d34"),
    State.UNKNOWN: ("#f1f1f4", "#6b6b76"),
}
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1c1c22}.gate{font-weight:600;font-size:10px;fill:#fff}"
    ".line{fill:none;stroke:#8a8a94;stroke-width:1.4}"
)
_LEGEND = ((State.OPEN, "open"), (State.UNKNOWN, "unknown"), (State.MITIGATED, "mitigated"))


class _Box(msgspec.Struct):
    node: Node
    lines: list[str]
    depth: int
    children: list["_Box"]
    top: float = 0.0

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + 2 * _PAD

    @property
    def left(self) -> float:
        return 20 + self.depth * (_WIDE + _GAP)

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def svg(trees: Sequence[Node]) -> str:
    """The trees one below the other, as one SVG document."""
    boxes, at = [], 52.0
    for node in trees:
        box = _box(node, 0)
        at = _place(box, at) + 26
        boxes.append(box)
    everything = [one for box in boxes for one in _all(box)]
    wide = max((one.left + _WIDE for one in everything), default=_WIDE) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {at:.0f}" width="{wide:.0f}" '
        f'height="{at:.0f}" role="img" aria-label="attack trees">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{wide:.0f}" height="{at:.0f}" fill="#fff"/>',
        *_legend(),
        *(line for one in everything for line in _edges(one)),
        *(part for one in everything for part in _drawn(one)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _box(node: Node, depth: int) -> _Box:
    return _Box(node, wrapped(node.text), depth, [_box(child, depth + 1) for child in node.children])


def _place(box: _Box, top: float) -> float:
    """Put a box and what is right of it below `top`; returns where the next may begin."""
    if not box.children:
        box.top = top
        return top + box.height + _ROOM
    at = top
    for child in box.children:
        at = _place(child, at)
    box.top = max(top, (box.children[0].middle + box.children[-1].middle - box.height) / 2)
    return max(at, box.top + box.height + _ROOM)


def _all(box: _Box) -> Iterator[_Box]:
    yield box
    for child in box.children:
        yield from _all(child)


def _legend() -> Iterator[str]:
    for at, (state, name) in enumerate(_LEGEND):
        fill, line = _COLOURS[state]
        left = 20 + at * 110
        yield f'<rect x="{left}" y="14" width="16" height="16" rx="3" fill="{fill}" stroke="{line}"/>'
        yield f'<text x="{left + 23}" y="26">{name}</text>'


def _edges(box: _Box) -> Iterator[str]:
    right = box.left + _WIDE
    for child in box.children:
        bend = right + _GAP / 2
        yield (
            f'<path class="line" d="M{right:.0f} {box.middle:.1f}C{bend:.0f} {box.middle:.1f} {bend:.0f} '
            f'{child.middle:.1f} {child.left:.0f} {child.middle:.1f}"/>'
        )


def _drawn(box: _Box) -> Iterator[str]:
    fill, line = _COLOURS[box.node.state]
    yield (
        f'<rect x="{box.left:.0f}" y="{box.top:.1f}" width="{_WIDE}" height="{box.height:.0f}" rx="6" '
        f'fill="{fill}" stroke="{line}"/>'
    )
    for number, text in enumerate(box.lines):
        y = box.top + _PAD + (number + 0.8) * _LINE
        yield f'<text x="{box.left + 10:.0f}" y="{y:.1f}">{escape(text)}</text>'
    if box.node.gate and len(box.children) > 1:
        x, y = box.left + _WIDE, box.middle
        yield f'<rect x="{x - 17:.0f}" y="{y - 9:.1f}" width="34" height="18" rx="9" fill="{line}"/>'
        yield f'<text class="gate" x="{x:.0f}" y="{y + 3.5:.1f}" text-anchor="middle">{box.node.gate.upper()}</text>'


def wrapped(text: str) -> list[str]:
    """`text` in short lines, broken after blanks and slashes; the last says that more was there."""
    found, line = [], ""
    for word in _words(text):
        if line and len(line) + len(word.rstrip()) > _CHARACTERS:
            found.append(line.rstrip())
            line = ""
        line += word
    found.append(line.rstrip())
    return found if len(found) <= _MOST_LINES else [*found[: _MOST_LINES - 1], found[_MOST_LINES - 1][:-1] + "…"]


def _words(text: str) -> Iterator[str]:
    word = ""
    for letter in "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text):
        word += letter
        if letter in " /" or len(word) >= _CHARACTERS:
            yield word
            word = ""
    yield word
