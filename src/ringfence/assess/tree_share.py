"""What several places of attack trees share is written once: there it has a number, and elsewhere that number stands.

① host:a#root               ┐ the first time, with all that it needs
   └ credential:k#use …     ┘
→ ① host:a#root               every other time, in any of the trees
"""

from collections.abc import Iterator, Sequence

import msgspec

from ringfence.assess.threat import State
from ringfence.assess.tree import LEAF, Node

_MARK = {State.OPEN: "!", State.MITIGATED: "✓", State.UNKNOWN: "?"}


class Part(msgspec.Struct, frozen=True):
    """A node of which others may speak. `number`: how they call it, 0 where none does; `see`: which one it stands for.

    One that stands for another has no children of its own. The rest is as in `Node`.
    """

    text: str
    state: State
    gate: str = LEAF
    children: tuple["Part", ...] = ()
    number: int = 0
    see: int = 0


def shared(trees: Sequence[Node]) -> list[Part]:
    """The trees, each sub-tree of more than a leaf written out where it stands first, in reading order."""
    return _Sharer(trees).parts


class _Sharer:
    def __init__(self, trees: Sequence[Node]) -> None:
        self._codes: dict[object, int] = {}
        self._code: dict[int, int] = {}  # by `id` of a node: the trees keep all of them alive
        for one in trees:
            self._coded(one)
        self._often: dict[int, int] = {}
        for one in trees:
            self._count(one)
        self._numbers: dict[int, int] = {}
        self.parts = [self._part(one) for one in trees]

    def _coded(self, node: Node) -> int:
        """The same number for nodes that say the same all the way down."""
        if id(node) not in self._code:
            key = (node.text, node.state, node.gate, tuple(map(self._coded, node.children)))
            self._code[id(node)] = self._codes.setdefault(key, len(self._codes))
        return self._code[id(node)]

    def _count(self, node: Node) -> None:
        code = self._code[id(node)]
        self._often[code] = self._often.get(code, 0) + 1
        if self._often[code] == 1:
            for child in node.children:
                self._count(child)

    def _part(self, node: Node) -> Part:
        code = self._code[id(node)]
        if not node.children or self._often[code] == 1:
            return Part(node.text, node.state, node.gate, tuple(map(self._part, node.children)))
        if code in self._numbers:
            return Part(node.text, node.state, see=self._numbers[code])
        number = self._numbers[code] = len(self._numbers) + 1
        return Part(node.text, node.state, node.gate, tuple(map(self._part, node.children)), number)


def lines(part: Part, depth: int = 0) -> Iterator[str]:
    """A tree as indented text."""
    gate = f"{part.gate.upper()} " if part.gate and len(part.children) > 1 else ""
    name = f"({part.number}) " if part.number else ""
    told = f"{part.text}: as ({part.see})" if part.see else f"{gate}{name}{part.text}"
    yield f"{'   ' * depth}{_MARK[part.state]} {told}"
    for child in part.children:
        yield from lines(child, depth + 1)
