"""How much of the estate answered: published beside D, since whoever looks at less finds less."""

import msgspec

from ringfence.estate.estate import Estate

MOST_MOVE = 0.02
"""A trend is refused where coverage moved by more between windows of it."""


class Coverage(msgspec.Struct, frozen=True):
    """`answered` of `known` hosts; a known host is one that this window or an earlier one has, and was not retired."""

    answered: int
    known: int
    aspects: float
    """Of what was asked, the share that was answered."""

    @property
    def share(self) -> float:
        """Answering hosts, times what they answered of what they were asked: 0 to 1."""
        return self.answered / self.known * self.aspects if self.known else 0.0


def hosts_of(estate: Estate) -> tuple[set[str], set[str], int, int]:
    """(hosts there are, hosts that answered something, questions, answers)."""
    names = estate.terms.values
    there = {names[term] for term in estate.entities.tolist() if names[term].startswith("host:")}
    answered, asked, answers = set(), 0, 0
    for fact in estate.facts("asked"):
        asked += 1
        if fact.attributes.get("answered") is True:
            answers += 1
            answered.add(fact.subject)
    return there, answered & there, asked, answers


def coverage_of(estate: Estate, known: set[str], retired: frozenset[str] = frozenset()) -> tuple[Coverage, set[str]]:
    """(coverage of this window, hosts known by now). Who vanishes without being retired lowers it for good."""
    there, answered, asked, answers = hosts_of(estate)
    now = (known | there) - (retired - there)
    return Coverage(len(answered), len(now), answers / asked if asked else 0.0), now


def moved(shares: list[float]) -> float:
    """By how much coverage moved over these windows."""
    return max(shares) - min(shares) if shares else 0.0
