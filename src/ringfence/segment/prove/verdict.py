"""What every prover shares: the intent as blocks, and the step from gaps to a verdict."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from ringfence.segment import what
from ringfence.segment.model import BETWEEN, SYMMETRIC, Difference, Policy, Proof, Residual
from ringfence.segment.relation import Block, Gap, Ints, compare
from ringfence.segment.what import What


class Names:
    """The endpoints of one plane and their numbers: those of the policy, and those that were found."""

    def __init__(self, policy: Policy, plane: str, found: Iterable[str] = ()) -> None:
        self.policy, self.plane = policy, plane
        of_groups = (name for group in policy.groups.values() for name in group.on(plane))
        self.names = list(dict.fromkeys([*of_groups, *found]))

    @property
    def symmetric(self) -> bool:
        """Whether a pair that may talk may talk both ways; a plane judged by direction says no."""
        return self.plane in SYMMETRIC

    @cached_property
    def index(self) -> dict[str, int]:
        """Number by name."""
        return {name: at for at, name in enumerate(self.names)}

    @cached_property
    def _known(self) -> dict[str, Ints]:
        """Numbers by name: of groups at first."""
        index = self.index
        return {
            name: np.array([index[one] for one in group.on(self.plane)], np.int64)
            for name, group in self.policy.groups.items()
        }

    def numbers(self, names: Iterable[str]) -> Ints:
        """Numbers of endpoints, ascending; those that are not there are left out."""
        index = self.index
        return np.array(sorted({index[name] for name in names if name in index}), np.int64)

    def of(self, name: str) -> Ints:
        """Numbers of a group's endpoints, or of the one endpoint that `name` is; `*` is all, `a, b` is both."""
        if name == "*":
            return np.arange(len(self.names), dtype=np.int64)
        if name not in self._known:
            several = BETWEEN in name and name not in self.index  # a folder may be called so
            self._known[name] = self._several(name.split(BETWEEN)) if several else self.numbers((name,))
        return self._known[name]

    def _several(self, names: Sequence[str]) -> Ints:
        """Numbers of groups' endpoints and of endpoints together."""
        groups = [self._known[one] for one in names if one in self._known]
        return np.unique(np.concatenate([self.numbers(one for one in names if one not in self._known), *groups]))

    def intent(self) -> list[Block]:
        """What the policy allows on this plane."""
        return [
            Block(self.of(allow.source), self.of(allow.target), what.parse(allow.what))
            for allow in self.policy.on(self.plane)
        ]


def verdict(
    names: Names,
    target: str,
    found: Sequence[Sequence[Block]],
    residuals: Sequence[Residual] = (),
    covers: str = "",
) -> Proof:
    """The proof of one plane: `found` (an intersection of relations) against the intent.

    `residuals` of this plane are known to be open: what lies within them is counted, not called a leak.
    """
    told = tuple(sorted(one for one in residuals if one.plane == names.plane))
    known = [Block(names.of(one.source), names.of(one.target), What("any")) for one in told]
    compared = compare(len(names.names), names.intent(), found, known, symmetric=names.symmetric)
    differences = tuple(_difference(names, gap) for gap in compared.gaps)
    return Proof(names.plane, target, compared.meant, differences, told, compared.tolerated, covers)


def _difference(names: Names, gap: Gap) -> Difference:
    source, to = names.names[gap.source], names.names[gap.target]
    return Difference(gap.kind, names.plane, source, to, str(gap.what), gap.pairs)
