"""Where the boxes of attack trees stand in a given width: side by side or one below the other, whichever is lower.

For each node and each width that it may get, the lowest of: its children below each other, set in by a step; each in a
column, all as wide; or one of them in a wide column, the others in narrow ones. Widths are whole steps, so that there
are few of them.
"""

from collections.abc import Iterator, Sequence

import msgspec

from ringfence.assess.tree_share import Part

WIDTH, EDGE = 1600, 20
LINE, PAD, STEM = 17, 6, 16
_STEP, _GAP, _ROOM, _BETWEEN = 20, 20, 14, 30
_NARROW, _WIDEST, _LETTER, _BOLD, _BADGE = 300, 780, 7.5, 8.2, 26
_MOST_COLUMNS = 4
_CHARACTERS, _MOST_LINES = 108, 6


class Box(msgspec.Struct, eq=False):
    """A node in its place. `lines`: (text, whether it says how); `columns`: its children, one column if not beside.

    `goal`: a whole tree, which stands in bold.
    """

    part: Part
    left: float
    top: float
    wide: float
    lines: list[tuple[str, bool]]
    columns: list[list["Box"]]
    goal: bool = False

    @property
    def height(self) -> float:
        """Of the box alone."""
        return len(self.lines) * LINE + 2 * PAD

    @property
    def middle(self) -> float:
        """Half way down."""
        return self.top + self.height / 2

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height

    @property
    def beside(self) -> bool:
        """Whether its children stand side by side."""
        return len(self.columns) > 1

    @property
    def bar(self) -> float:
        """Where the line runs that leads to children side by side."""
        return self.bottom + _ROOM

    @property
    def children(self) -> list["Box"]:
        """All of them, in order."""
        return [one for column in self.columns for one in column]


def laid_out(trees: Sequence[Part], top: float) -> tuple[list[Box], float]:
    """The trees in columns below `top`, and how high the picture is."""
    whole = WIDTH - 2 * EDGE
    layout = _Layout(trees)
    count = max(
        range(1, min(_MOST_COLUMNS, max(len(trees), 1)) + 1),
        key=lambda columns: -max(map(sum, layout.split(trees, columns, whole)), default=0.0),
    )
    wide, boxes, lowest = _column(whole, count), list[Box](), top
    at = iter(trees)
    for column, heights in enumerate(layout.split(trees, count, whole)):
        y = top
        for high in heights:
            boxes.append(layout.box(next(at), EDGE + column * (wide + _GAP), y, wide))
            y += high
        lowest = max(lowest, y)
    return boxes, lowest


def _column(wide: int, columns: int) -> int:
    """How wide each of so many columns is, in whole steps."""
    return (wide - (columns - 1) * _GAP) // columns // _STEP * _STEP


class _Layout:
    def __init__(self, trees: Sequence[Part]) -> None:
        self._goals = {id(one) for one in trees}
        self._heights: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}
        self._deep: dict[int, int] = {}
        deepest = max((self._choices(one) for one in trees), default=0)
        room = WIDTH - 2 * EDGE - _NARROW
        self._indent = min(_STEP, room / max(deepest, 1))

    def split(self, trees: Sequence[Part], columns: int, whole: int) -> list[list[float]]:
        """The heights of the trees in so many columns, in order, so that the highest is as low as may be."""
        wide = _column(whole, columns)
        if any(wide < self._least(one) for one in trees):
            return [[float("inf")]]
        heights = [self._plan(one, wide)[0] + _BETWEEN for one in trees]
        limit = max(heights, default=0.0)
        while True:
            found: list[list[float]] = [[]]
            for high in heights:
                if found[-1] and sum(found[-1]) + high > limit:
                    found.append([])
                found[-1].append(high)
            if len(found) <= columns:
                return found
            limit += LINE

    def box(self, part: Part, left: float, top: float, wide: float) -> Box:
        """A node and all below it, from the corner given."""
        _, columns = self._plan(part, int(wide))
        lines, letter = self._lines(part, wide), _BOLD if id(part) in self._goals else _LETTER
        longest = max(len(text) for text, _ in lines) * letter + 24 + _BADGE * bool(part.number or part.see)
        box = Box(part, left, top, min(max(longest, 120), wide), lines, [], id(part) in self._goals)
        y = box.bottom + _ROOM
        if columns:
            x = left
            for child, each in zip(part.children, columns, strict=True):
                box.columns.append([self.box(child, x, y + _ROOM, each)])
                x += each + _GAP
            return box
        inside = self._indent if len(part.children) > 1 else 0
        under: list[Box] = []
        for child in part.children:
            under.append(self.box(child, left + inside, y, wide - inside))
            y += self._plan(child, int(wide - inside))[0]
        box.columns = [under] if under else []
        return box

    def _plan(self, part: Part, wide: int) -> tuple[float, tuple[int, ...]]:
        """(how high a node with all below it is, room below it included; how wide its children's columns are)."""
        key = (id(part), wide)
        if key not in self._heights:
            self._heights[key] = self._planned(part, wide)
        return self._heights[key]

    def _planned(self, part: Part, wide: int) -> tuple[float, tuple[int, ...]]:
        own = len(self._lines(part, wide)) * LINE + 2 * PAD + _ROOM
        inside = self._indent if len(part.children) > 1 else 0
        best: tuple[float, tuple[int, ...]] = sum(self._plan(one, int(wide - inside))[0] for one in part.children), ()
        for columns in _shares(wide, len(part.children)):
            stood = list(zip(part.children, columns, strict=True))
            if all(each >= self._least(child) for child, each in stood):
                beside = max(self._plan(child, each)[0] for child, each in stood) + _ROOM
                best = (beside, columns) if beside < best[0] else best
        return own + best[0], best[1]

    def _least(self, part: Part) -> float:
        """The width below which a node is not squeezed."""
        return _NARROW + self._indent * self._choices(part)

    def _choices(self, part: Part) -> int:
        """How often one is set in on the way to the deepest leaf."""
        if id(part) not in self._deep:
            below = max(map(self._choices, part.children), default=0)
            self._deep[id(part)] = below + (len(part.children) > 1)
        return self._deep[id(part)]

    def _lines(self, part: Part, wide: float) -> list[tuple[str, bool]]:
        """The text of a box, where it leads and then how, short enough for its width."""
        room = min(_WIDEST, wide) - 24 - _BADGE * bool(part.number or part.see)
        letters = max(8, min(_CHARACTERS, int(room / (_BOLD if id(part) in self._goals else _LETTER))))
        where, mark, how = part.text.partition("  [")
        found = [(line, False) for line in wrapped(where, letters)]
        if mark and not part.see:
            found += [(line, True) for line in wrapped(f"[{how}", letters)]
        return found


def _shares(wide: int, many: int) -> Iterator[tuple[int, ...]]:
    """Widths of so many columns: all alike, or one as wide as narrow others leave it."""
    if not 1 < many <= _MOST_COLUMNS:
        return
    alike = _column(wide, many)
    yield (alike,) * many
    narrow = (_NARROW // _STEP + 3) * _STEP
    rest = (wide - (many - 1) * (narrow + _GAP)) // _STEP * _STEP
    if rest > alike:
        yield from (tuple(rest if at == one else narrow for at in range(many)) for one in range(many))


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
