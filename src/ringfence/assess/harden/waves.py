"""Many hosts in waves: which are next, as a function of the hosts and of where each stands.

hosts ─▶ waves: canaries, then twice as many each time, at most `most`
where each stands ─▶ the next step: look | apply | judge | put back | halt | done

        old ──apply──▶ applied ──judge──▶ healthy         failed: the apply did not end well
         ▲                └──────────────▶ sick            silent: the host does not answer
         └──────put back── sick, failed, and of the wave in which it halts applied, healthy

Only one wave is under way at a time. The first host that is sick, failed or silent beyond `tolerated` halts everything;
`put_back` then takes back that wave's hosts, and no other; one that is silent is left, for nobody can ask it. The plan
keeps no state of its own: cut off, it goes on from where the hosts stand.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from ringfence.errors import UsageError


class Stand(StrEnum):
    """Where one host stands."""

    OLD = "old"
    APPLIED = "applied"
    HEALTHY = "healthy"
    SICK = "sick"
    FAILED = "failed"
    SILENT = "silent"
    BACK = "put back"


class Rules(msgspec.Struct, frozen=True):
    """How fast to go. `canaries` go first, those named or else so many of the first hosts by name."""

    canaries: tuple[str, ...] = ()
    first: int = 1
    growth: int = 2
    most: int = 64
    tolerated: int = 0
    put_back: bool = True


class Do(StrEnum):
    """What a step is."""

    APPLY = "apply"
    JUDGE = "judge"
    PUT_BACK = "put back"
    HALT = "halt"
    DONE = "done"


class Step(msgspec.Struct, frozen=True):
    """What to do next, to which hosts (ascending), in which wave (from 0); why, where it halts."""

    do: Do
    hosts: tuple[str, ...] = ()
    wave: int = -1
    why: str = ""


BAD = (Stand.SICK, Stand.FAILED, Stand.SILENT, Stand.BACK)


def waves(hosts: Iterable[str], rules: Rules) -> tuple[tuple[str, ...], ...]:
    """All hosts, in waves. Raises `UsageError` for canaries that are no hosts, or rules that never end."""
    left = sorted(set(hosts))
    strange = sorted(set(rules.canaries) - set(left))
    if strange:
        raise UsageError(f"the canary {strange[0]!r} is none of the hosts", "name one of them")
    if min(rules.first, rules.growth, rules.most) < 1 or rules.tolerated < 0:
        raise UsageError("waves begin with one host or more, and grow by one time or more")
    found = [tuple(sorted(set(rules.canaries)))] if rules.canaries else []
    left = [one for one in left if one not in set(rules.canaries)]
    size = len(found[0]) * rules.growth if found else rules.first
    while left:
        size = min(size, rules.most)
        found.append(tuple(left[:size]))
        left, size = left[size:], size * rules.growth
    return tuple(found)


def following(stands: Mapping[str, Stand], rules: Rules) -> Step:
    """The next step."""
    planned = waves(stands, rules)
    bad = [host for wave in planned for host in wave if stands[host] in BAD]
    if len(bad) > rules.tolerated:
        return _halted(stands, planned, bad, rules)
    for number, wave in enumerate(planned):
        for stand, do in ((Stand.APPLIED, Do.JUDGE), (Stand.OLD, Do.APPLY)):
            mine = tuple(host for host in wave if stands[host] is stand)
            if mine and not (do is Do.JUDGE and any(stands[host] is Stand.OLD for host in wave)):
                return Step(do, mine, number)
    return Step(Do.DONE, why=_counted(stands.values()))


def _halted(stands: Mapping[str, Stand], planned: Sequence[tuple[str, ...]], bad: Sequence[str], rules: Rules) -> Step:
    number = max(at for at, wave in enumerate(planned) if any(stands[host] is not Stand.OLD for host in wave))
    touched = (Stand.SICK, Stand.FAILED, Stand.APPLIED, Stand.HEALTHY)
    mine = tuple(host for host in planned[number] if stands[host] in touched)
    if rules.put_back and mine:
        return Step(Do.PUT_BACK, mine, number)
    told = ", ".join(f"{host} is {stands[host]}" for host in bad[:5])
    return Step(
        Do.HALT, tuple(sorted(bad)), number, f"{told}{' …' if len(bad) > 5 else ''}; {_counted(stands.values())}"
    )


def _counted(stands: Iterable[Stand]) -> str:
    found = list(stands)
    return ", ".join(f"{found.count(one)} {one}" for one in Stand if one in found)
