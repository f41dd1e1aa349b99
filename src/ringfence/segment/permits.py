"""One question to a policy: which rule lets this end reach that one?"""

from collections import defaultdict
from functools import cached_property

from ringfence.segment import what
from ringfence.segment.model import SYMMETRIC, Allow, Policy
from ringfence.segment.what import What


class Permits:
    """A policy, ready to be asked. An endpoint of the storage plane is also in the folders above it."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def rule(self, plane: str, source: str, target: str, wanted: str) -> Allow | None:
        """The first rule under which `wanted` (`tcp/22`, `ro`, `any`) passes on a plane; None where nothing does."""
        asked = what.parse(wanted)
        found = self._between(plane, source, target, asked)
        return found or (self._between(plane, target, source, asked) if plane in SYMMETRIC else None)

    def known(self, plane: str, end: str) -> bool:
        """Whether some group has this endpoint."""
        return (plane, end) in self._groups

    def _between(self, plane: str, source: str, target: str, asked: What) -> Allow | None:
        for one in self._groups.get((plane, source), ()):
            for other in (group for end in _above(plane, target) for group in self._groups.get((plane, end), ())):
                for allow, passes in self._rules.get((plane, one, other), ()):
                    if covers(passes, asked):
                        return allow
        return None

    @cached_property
    def _groups(self) -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for group in self._policy.groups.values():
            for plane, ends in group.members.items():
                for end in ends:
                    found[plane, end].append(group.name)
        return dict(found)

    @cached_property
    def _rules(self) -> dict[tuple[str, str, str], list[tuple[Allow, What]]]:
        found: dict[tuple[str, str, str], list[tuple[Allow, What]]] = defaultdict(list)
        for allow in self._policy.allows:
            found[allow.plane, allow.source, allow.target].append((allow, what.parse(allow.what)))
        return dict(found)


def covers(passes: What, asked: What) -> bool:
    """Whether all of `asked` is within `passes`; who may write may read."""
    if passes.protocol == "any" or (passes.protocol == "rw" and asked.protocol == "ro"):
        return True
    return passes.protocol == asked.protocol and passes.low <= asked.low and asked.high <= passes.high


def _above(plane: str, end: str) -> list[str]:
    """The endpoint, and on the storage plane every folder that holds it."""
    found = [end]
    while plane == "storage" and end.count(":") > 1 and end.rpartition("/")[2]:
        end = end.rpartition("/")[0]
        found.append(end if not end.endswith(":") else end + "/")
    return found
