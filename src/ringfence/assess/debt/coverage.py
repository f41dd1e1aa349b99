"""How much of the estate answered: published beside D, since whoever looks at less finds less.

Hosts count by what they answered. Footholds, jewels, and the durable things that findings were about count by being
there: whoever leaves them out of the inventory, or gives them other names, owes less too. A question that a host itself
answered once counts as not answered where it is only assumed to be like another now.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from ringfence.assess.assumed import Assumed
from ringfence.estate.estate import Estate
from ringfence.estate.kinds import KINDS

_HOST = list(KINDS).index("host")

MOST_MOVE = 0.02
"""A trend is refused where coverage moved by more between windows of it."""


LASTING = frozenset(
    ("workstation", "bmc", "switch", "storage", "nvlink", "cluster", "model", "checkpoint", "dataset", "firmware")
)
"""Kinds that do not come and go by themselves. Where a job, pod, container or service with a finding vanishes and one
of its kind with the same finding comes, that goes on with the clock of the first: see the ledger."""


class Coverage(msgspec.Struct, frozen=True):
    """`answered` of `known` hosts; a known host is one that this window or an earlier one has, and was not retired."""

    answered: int
    known: int
    aspects: float
    """Of what was asked, the share that was answered."""
    kept: float = 1.0
    """Of the other things known, the share that is still there, of the kind where it is least."""
    missing: tuple[str, ...] = ()
    """What is known and in no fact any more, hosts among it."""

    unanswered: tuple[tuple[str, int], ...] = ()
    """(aspect, of how many things it was asked and not answered), the most first."""

    lapsed: float = 0.0
    """Of what was asked, the share that a host itself answered before and that is only assumed of it now."""
    assumed: tuple[str, ...] = ()
    """The hosts of which that is so."""

    @property
    def share(self) -> float:
        """Answering hosts, times what they answered of what they were asked, times what is kept: 0 to 1."""
        asked = max(0.0, self.aspects - self.lapsed)
        return self.answered / self.known * asked * self.kept if self.known else 0.0

    @property
    def present(self) -> float:
        """The share of what is there: as if nothing else had ever been known."""
        hosts = self.known - sum(name.startswith("host:") for name in self.missing)
        return self.answered / hosts * self.aspects if hosts else 0.0

    @property
    def lost(self) -> frozenset[str]:
        """What was there or was measured before, and is not now."""
        return frozenset((*self.missing, *self.assumed))

    @property
    def to_collect(self) -> tuple[str, ...]:
        """What would raise it, the largest first."""
        silent = self.known - self.answered
        hosts = (f"{silent:,} of {self.known:,} hosts answered nothing",) if silent else ()
        again = (f"{len(self.assumed):,} hosts were measured before and are only assumed now",) if self.assumed else ()
        asked = (f"`{aspect}` is not known of {count:,}" for aspect, count in self.unanswered[:_MOST])
        return (*hosts, *again, *asked)


_MOST = 5
"""So many aspects are named."""


def hosts_of(estate: Estate) -> tuple[set[str], set[str], int, Counter[str]]:
    """(hosts there are, hosts that answered something, questions, what was not answered)."""
    names = estate.terms.values
    there = {names[term] for term in estate.entities.tolist() if names[term].startswith("host:")}
    answered, asked, unanswered = set(), 0, Counter[str]()
    for fact in estate.facts("asked"):
        asked += 1
        if fact.attributes.get("answered") is True:
            answered.add(fact.subject)
        else:
            unanswered[fact.object] += 1
    return there, answered & there, asked, unanswered


def coverage_of(
    estate: Estate, known: set[str], retired: frozenset[str] = frozenset(), watched: Iterable[str] = ()
) -> tuple[Coverage, set[str]]:
    """(coverage of this window, things known by now). Who vanishes without being retired lowers it for good.

    `watched`: what counts beside hosts, see `lasting`. `known` holds what hosts themselves answered too.
    """
    hosts, answered, asked, unanswered = hosts_of(estate)
    questions = questions_of(estate)
    there = {estate.terms.values[term] for term in estate.entities.tolist()} | questions
    before = {one for one in known if one.startswith(_ANSWER)}
    own = _answers(estate, assumed=False)
    lapsed = (before & _answers(estate, assumed=True)) - own if before else set()
    now = ((known - before) | hosts | questions | set(watched)) - (retired - there)
    missing = now - there
    of, lost = Counter(map(_kind, now)), Counter(map(_kind, missing))
    kept = min((1.0 - lost[kind] / of[kind] for kind in lost if kind != "host"), default=1.0)
    share = 1.0 - unanswered.total() / asked if asked else 0.0
    most = tuple(sorted(unanswered.items(), key=lambda one: (-one[1], one[0])))
    again = tuple(sorted({one.rpartition("/")[0].removeprefix(_ANSWER) for one in lapsed}))
    of_asked = len(lapsed) / asked if asked else 0.0
    found = Coverage(len(answered), of["host"], share, kept, tuple(sorted(missing)), most, of_asked, again)
    return found, now | before | own


_ANSWER = "answer/"
"""What stands in `known` before `<host>/<aspect>` of what a host itself answered."""


def _answers(estate: Estate, *, assumed: bool) -> set[str]:
    """`answer/<host>/<aspect>` of what hosts answered: by themselves, or as it is assumed of them."""
    table, names = estate.table("asked"), estate.terms.values
    at = table.live[Assumed(estate).of(table, table.live) == assumed]
    at = at[estate.kinds[table.subject[at]] == _HOST]
    said, which = np.unique(table.attributes[at], return_inverse=True)
    yes = np.array([estate.attributes_of(one).get("answered") is True for one in said.tolist()], np.bool_)
    at = at[yes[which]] if len(said) else at
    pairs = zip(table.subject[at].tolist(), table.object[at].tolist(), strict=True)
    return {f"{_ANSWER}{names[host]}/{names[aspect]}" for host, aspect in pairs}


def questions_of(estate: Estate) -> set[str]:
    """`question:<aspect>` of all that hosts were asked: a question that is asked no more is missing too."""
    table = estate.table("asked")
    hosts = estate.kinds[table.subject[table.live]] == _HOST
    asked = np.unique(table.object[table.live][hosts])
    return {f"question:{estate.terms.values[aspect]}" for aspect in asked.tolist()}


def lasting(names: Iterable[str]) -> set[str]:
    """Those that do not come and go by themselves, as jobs and services do."""
    return {name for name in names if _kind(name) in LASTING}


def is_lasting(name: str) -> bool:
    """Whether coverage falls by name where it vanishes."""
    return _kind(name) == "host" or _kind(name) in LASTING


def _kind(name: str) -> str:
    return name.partition(":")[0]


def alike(windows: Sequence[Coverage]) -> bool:
    """Whether a trend over these alone would stand: nothing vanished after the first, and coverage did not move."""
    gone = frozenset[str]().union(*(one.lost for one in windows)) - windows[0].lost
    return not gone and moved([one.present for one in windows]) <= MOST_MOVE


def moved(shares: list[float]) -> float:
    """By how much coverage moved over these windows."""
    return max(shares) - min(shares) if shares else 0.0
