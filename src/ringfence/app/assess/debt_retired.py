"""What `--retired` takes out of service of that from which anything is owed: footholds and jewels.

Who retires them owes less, and coverage does not fall with it. So they are named, and where it is most of them no trend
is drawn over it.
"""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

MOST = 0.5
"""Where so large a share of footholds or of jewels was retired, D before and after is of two different things."""

_WAY_ON = "Take out of --retired what is still there, or begin after it with --since DATE"


class Retired(msgspec.Struct, frozen=True):
    """`named`: ids in the file; of them, what surveys knew and the last one does not. `refused`: sentences, or none."""

    named: int = 0
    footholds: tuple[str, ...] = ()
    jewels: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def retired_of(
    retired: frozenset[str], footholds: Sequence[frozenset[str]], jewels: Sequence[frozenset[str]]
) -> Retired:
    """`footholds` and `jewels`: those of each survey, in the order of their times."""
    gone = [_gone(retired, seen) for seen in (footholds, jewels)]
    refused = (_refused(*one) for one in (("footholds", gone[0], footholds), ("jewels", gone[1], jewels)))
    return Retired(len(retired), tuple(sorted(gone[0])), tuple(sorted(gone[1])), tuple(filter(None, refused)))


def _gone(retired: frozenset[str], seen: Sequence[frozenset[str]]) -> frozenset[str]:
    return (retired & frozenset[str]().union(*seen)) - (seen[-1] if seen else frozenset())


def _refused(what: str, gone: frozenset[str], seen: Sequence[frozenset[str]]) -> str:
    """At once from one survey to the next, or bit by bit until few are left: who replaces them one by one may go on."""
    most = max(map(len, seen), default=0)
    at_once = any(len((before & gone) - now) >= MOST * len(before) for before, now in pairwise(seen) if before)
    by_and_by = bool(gone) and len(seen[-1]) <= MOST * most <= len(gone)
    if not gone or not (at_once or by_and_by):
        return ""
    return f"{len(gone):,} of {most:,} {what} were retired: less is owed without anything being mended. {_WAY_ON}"
