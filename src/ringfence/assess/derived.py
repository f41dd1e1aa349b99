"""Facts that follow from others by arithmetic or by "all of them", so that checks can ask for them.

A join finds one way to meet a condition; that *every* source of a model belongs to its tenant, or that a model takes
at least a day to carry off, is no join. `app` adds these facts before it judges; they name no source but this one.
"""

from collections import defaultdict
from collections.abc import Iterator

from ringfence.assess.exfiltrate import Uplinks
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import kind_of

SOURCE = "derived"
DAY_HOURS = 24.0
"""Weights that are gone in less than a day are gone before a person has looked."""

_WEIGHTS = ("model", "checkpoint")


def facts(estate: Estate) -> Iterator[Fact]:
    """Every derived fact of an estate, in an order that depends on it alone."""
    yield from time_to_exfiltrate(estate)
    yield from source_tenants(estate)


def time_to_exfiltrate(estate: Estate) -> Iterator[Fact]:
    """`hours-to-exfiltrate=under-a-day|a-day-or-more|no-way`, and coverage `egress` of it.

    Under a day is said as soon as the known ways suffice; the others only where every way is known.
    """
    uplinks = Uplinks(estate)
    for model in _with(estate, "size_bytes"):
        if kind_of(model) not in _WEIGHTS:
            continue
        found = uplinks.of(model)
        if found is None:
            continue
        told: dict[str, str | int | float | bool] = {"answered": found.certain}
        if found.certain:
            told["complete"] = True
        else:
            told["reason"] = "the ways outside of its holders are not all known"
        yield Fact(model, "asked", "egress", told, SOURCE)
        if found.together is not None and found.together < DAY_HOURS:
            shown: dict[str, str | int | float | bool] = {"hours": round(found.together, 4)}
            yield Fact(model, "setting", "hours-to-exfiltrate=under-a-day", shown, SOURCE)
        elif found.certain:
            hours = {} if found.together is None else {"hours": round(found.together, 4)}
            how = "no-way" if found.together is None else "a-day-or-more"
            yield Fact(model, "setting", f"hours-to-exfiltrate={how}", hours, SOURCE)


def source_tenants(estate: Estate) -> Iterator[Fact]:
    """`source-tenants=one|several` of everything that was made from data, and coverage `source-tenants` of it."""
    sources: dict[str, set[str]] = defaultdict(set)
    for fact in estate.facts("trained_from", "part_of"):
        if kind_of(fact.subject) in (*_WEIGHTS, "dataset"):
            sources[fact.subject].add(fact.object)
    tenants: dict[str, set[str]] = defaultdict(set)
    for fact in estate.facts("in_tenant"):
        tenants[fact.subject].add(fact.object)
    for made in sorted(sources):
        every = [tenants.get(one, set()) for one in (made, *sources[made])]
        known = all(every)
        told: dict[str, str | int | float | bool] = {"answered": known}
        if known:
            told["complete"] = True
        else:
            told["reason"] = "whose it is, or one of its sources, is not known"
        yield Fact(made, "asked", "source-tenants", told, SOURCE)
        if len(set().union(*every)) > 1:
            yield Fact(made, "setting", "source-tenants=several", {}, SOURCE)
        elif known:
            yield Fact(made, "setting", "source-tenants=one", {}, SOURCE)


def _with(estate: Estate, predicate: str) -> list[str]:
    table = estate.table(predicate)
    return sorted({estate.terms.values[one] for one in table.subject[table.live].tolist()})
