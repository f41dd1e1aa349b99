"""Planes whose sources and targets are of different kinds: hosts and storage, tenants and hosts."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.segment.model import Policy, Proof, Residual
from ringfence.segment.prove.verdict import Names, verdict
from ringfence.segment.relation import Block, Ints


class Sided(Names):
    """Names of a plane on which only `source:…` reach `target:…`; a group may hold both."""

    def __init__(self, policy: Policy, plane: str, source: str, target: str, found: Iterable[str] = ()) -> None:
        super().__init__(policy, plane, found)
        self._source, self._target = source, target

    @cached_property
    def sources(self) -> Ints:
        """Numbers of all that can be a source."""
        return self._of_kind(self._source)

    @cached_property
    def targets(self) -> Ints:
        """Numbers of all that can be a target."""
        return self._of_kind(self._target)

    def _of_kind(self, kind: str) -> Ints:
        return np.array([at for at, name in enumerate(self.names) if name.startswith(kind)], np.int64)

    @cached_property
    def _meant(self) -> list[Block]:
        source, target = mask(self, self.sources), mask(self, self.targets)
        return [
            Block(one.sources[source[one.sources]], one.targets[target[one.targets]], one.what)
            for one in super().intent()
        ]

    def intent(self) -> list[Block]:
        """What the policy allows from a source to a target."""
        return self._meant

    def aside(self, mine: Ints) -> list[Block]:
        """What is meant for targets that are not `mine`: found as it is meant, so that it is not judged."""
        theirs = ~mask(self, mine)
        return [Block(one.sources, one.targets[theirs[one.targets]], one.what) for one in self.intent()]


def mask(names: Names, numbers: Ints) -> NDArray[np.bool_]:
    """Which of all names these are. Cutting an array by it keeps its order, and needs no sorting."""
    found = np.zeros(len(names.names), np.bool_)
    found[numbers] = True
    return found


def between(
    names: Names,
    target: str,
    most: Sequence[Block],
    least: Sequence[Block],
    residuals: Sequence[Residual],
    covers: str,
) -> Proof:
    """The verdict where only bounds are known: leaks of what may be open at most, breaks of what is so at least."""
    upper = verdict(names, target, [most], residuals, covers)
    lower = upper if _equal(most, least) else verdict(names, target, [least], residuals, covers)
    leaks = [one for one in upper.differences if one.kind == "leak"]
    breaks = [one for one in lower.differences if one.kind == "break"]
    return msgspec.structs.replace(upper, differences=(*leaks, *breaks))


def _equal(most: Sequence[Block], least: Sequence[Block]) -> bool:
    return len(most) == len(least) and all(
        one is other
        or (
            one.what == other.what
            and np.array_equal(one.sources, other.sources)
            and np.array_equal(one.targets, other.targets)
        )
        for one, other in zip(most, least, strict=True)
    )
