"""What the rewriting of one plane looks at: who may reach whom there, residuals included."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import BETWEEN, Allow, Policy, Residual

SOURCE = "the fence, proven"
"""The source of every fact that stands for the fence."""


class View:
    """One plane of a policy over an estate."""

    def __init__(
        self, estate: Estate, policy: Policy, inventory: Inventory, plane: str, residuals: Sequence[Residual] = ()
    ) -> None:
        self.estate, self.policy, self.inventory, self.plane = estate, policy, inventory, plane
        self._residuals = residuals

    @cached_property
    def allows(self) -> list[Allow]:
        """What the plane lets through: what is meant, and what stays open all the same."""
        return [*self.meant, *self.told]

    @cached_property
    def meant(self) -> list[Allow]:
        """What the policy lets through."""
        return list(self.policy.on(self.plane))

    @cached_property
    def told(self) -> list[Allow]:
        """What stays open all the same."""
        return [Allow(one.source, one.target, self.plane, "any", one.why) for one in self._residuals]

    def ends(self, name: str) -> tuple[str, ...]:
        """Endpoints of a group, the one endpoint that `name` is, of several of them, or all for `*`."""
        if name == "*":
            return self.everyone
        group = self.policy.groups.get(name)
        if group or BETWEEN not in name or name in self._every:
            return group.on(self.plane) if group else (name,)
        return tuple(dict.fromkeys(end for one in name.split(BETWEEN) if one != "*" for end in self.ends(one)))

    @cached_property
    def everyone(self) -> tuple[str, ...]:
        """Every endpoint of the plane."""
        groups = self.policy.groups.values()
        return tuple(dict.fromkeys(one for group in groups for one in group.on(self.plane)))

    @cached_property
    def _every(self) -> frozenset[str]:
        return frozenset(self.everyone)

    @cached_property
    def sources(self) -> dict[str, list[Allow]]:
        """Allows by the group or endpoint that they start from."""
        found: dict[str, list[Allow]] = defaultdict(list)
        for allow in self.allows:
            found[allow.source].append(allow)
        return found

    def enforced(self, target: str) -> frozenset[str]:
        """Where this target can be put in force."""
        return frozenset(self.inventory.enforcers.get(target, ()))

    def about(self, predicate: str, subjects: frozenset[str]) -> Iterator[Fact]:
        """The facts of one predicate whose subject is among these."""
        return (fact for fact in self.estate.facts(predicate) if fact.subject in subjects)


def said(subject: str, predicate: str, object: str, **attributes: str | int) -> Fact:
    """A fact that stands for the fence."""
    return Fact(subject, predicate, object, attributes, SOURCE)


def host_part(end: str) -> str:
    """The host of an `ip` endpoint: `job:…@host:gpu1` is on `host:gpu1`; everything else is itself."""
    return end.rpartition("@")[2] if end.startswith("job:") else end
