"""What the report shows, as plain values: one function per section, all from one `Questions`.

The page draws these and computes nothing of its own. Per-host columns are parallel arrays, so that
10,000 hosts stay small; groups (racks, tenants, NVLink domains) hold indices into them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringfence import __version__
from ringfence.analyse import positions
from ringfence.analyse.moves import MOVES
from ringfence.analyse.reach import Reached, closure, nearest, reach_from, reach_sets, settle
from ringfence.app.questions import Questions
from ringfence.app.survey import entities_of, jewels, kind_counts, unanswered
from ringfence.estate.estate import Estate
from ringfence.estate.kinds import KINDS, kind_of

WORST_PATHS = 6
SAMPLE = 100
"""Hosts whose blast radius is measured one by one; the page says that it is a sample."""


def report_data(asked: Questions, wanted: Sequence[str] = ()) -> dict[str, Any]:
    """Everything on the page. `wanted` are the footholds, held together (default: see `Questions`)."""
    held = list(wanted) or asked.default_footholds()
    reached = reach_from(asked.graph, asked.footholds(held))
    hosts = _hosts(asked, reached)
    cuts = asked.cuts(held)
    return {
        "version": __version__,
        "as_of": _as_of(asked.estate),
        "headline": _headline(asked, reached, held),
        "hosts": hosts,
        "groups": _groups(asked.estate, hosts["id"]),
        "jewels": _jewels(asked, reached),
        "paths": asked.worst(reached, WORST_PATHS),
        "moves": {move.id: _move_words(move.title, move.gives, move.why, move.end) for move in MOVES},
        "blast": _blast(asked, hosts["id"]),
        "choke": [asked.cut_shown(cut) for cut in cuts[:20]],
        "best": asked.best_cuts(held, cuts),
        "holes": [{**hole, "subjects": hole["subjects"][:20]} for hole in unanswered(asked.estate)],
    }


def _move_words(title: str, gives: str, why: str, end: str) -> dict[str, str]:
    return {"title": title, "gives": gives, "why": why, "end": end}


def _as_of(estate: Estate) -> float:
    """When the newest fact was seen, seconds UTC."""
    return max((float(table.observed.max(initial=0.0)) for table in estate.tables.values()), default=0.0)


def _headline(asked: Questions, reached: Reached, held: Sequence[str]) -> dict[str, Any]:
    fallen = asked.fallen(reached)
    lost = [at for at in asked.jewel_positions.tolist() if reached.mask[at]]
    times = sorted((float(reached.minutes_high[at]), float(reached.minutes_low[at])) for at in lost)
    return {
        "entities": kind_counts(asked.estate),
        "facts": len(asked.estate),
        "moves": len(asked.edges),
        "footholds": list(held),
        "positions": len(reached) - len(reached.footholds),
        "hosts": sum(any(one.startswith("a shell") for one in what) for what in fallen.values()),
        "memory_only": sum(what == ["GPU memory"] for what in fallen.values()),
        "jewels": len(lost),
        "jewels_total": len(jewels(asked.estate)),
        "time_to_jewel": [times[0][1], times[0][0]] if times else None,
    }


def _hosts(asked: Questions, reached: Reached) -> dict[str, list[Any]]:
    """Parallel columns: id, minutes from its root to a jewel, minutes until it falls (null: no way), jewels reached."""
    estate = asked.estate
    ids = entities_of(estate, "host")
    number = asked.graph.indices(np.array([positions.parse(estate, f"{one}#root") for one in ids], np.int64))
    users = asked.graph.indices(np.array([positions.parse(estate, f"{one}#user") for one in ids], np.int64))
    bounds = settle(reach_sets(asked.graph, asked.jewel_positions)) if len(asked.graph) else None
    counts = np.append(_popcount(bounds.upper.expand()), 0) if bounds else np.zeros(1, np.int64)
    minutes = np.where(counts[number] > 0, to_nearest_jewel(asked)[number], np.inf)
    when = np.append(reached.minutes_high, np.inf)
    return {
        "id": ids,
        "minutes": _shown(minutes),
        "falls": _shown(np.minimum(when[number], when[users])),
        "jewels": counts[number].tolist(),
    }


def _shown(minutes: NDArray[np.float64]) -> list[float | None]:
    return [round(float(one), 1) if np.isfinite(one) else None for one in minutes]


def _popcount(rows: NDArray[np.uint64]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.bitwise_count(rows).sum(axis=1).astype(np.int64)
    return counts


def to_nearest_jewel(asked: Questions) -> NDArray[np.float64]:
    """Per position number at least how many (high) minutes to some jewel; infinite where there is no way.

    A lower bound: starts of AND-moves count as if each sufficed. One entry more than there are
    positions, infinite, for the number -1.
    """
    return nearest(asked.graph, asked.jewel_positions).minutes


def _groups(estate: Estate, hosts: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    at = {host: number for number, host in enumerate(hosts)}
    gpu_host = {fact.object: fact.subject for fact in estate.facts("has_gpu")}
    pairs = {
        "rack": [(fact.object, fact.subject) for fact in estate.facts("in_rack")],
        "tenant": [*_tenants(estate)],
        "nvlink": [(fact.object, gpu_host.get(fact.subject, "")) for fact in estate.facts("nvlink_member")],
        "partition": [(fact.object, fact.subject) for fact in estate.facts("in_partition")],
    }
    return {kind: _grouped(rows, at) for kind, rows in pairs.items()}


def _tenants(estate: Estate) -> list[tuple[str, str]]:
    """(tenant, host) by what the host belongs to and by the jobs that run there."""
    of = {fact.subject: fact.object for fact in estate.facts("in_tenant")}
    rows = [(of[fact.subject], fact.object) for fact in estate.facts("runs_on") if fact.subject in of]
    return rows + [(tenant, subject) for subject, tenant in of.items() if kind_of(subject) == "host"]


def _grouped(rows: Sequence[tuple[str, str]], at: dict[str, int]) -> list[dict[str, Any]]:
    groups: dict[str, set[int]] = {}
    for name, host in rows:
        if host in at:
            groups.setdefault(name, set()).add(at[host])
    grouped = [{"name": name, "hosts": sorted(members)} for name, members in sorted(groups.items())]
    left = sorted(set(at.values()) - set().union(*groups.values()) if groups else set(at.values()))
    return grouped + ([{"name": "elsewhere", "hosts": left}] if left and groups else [])


def _jewels(asked: Questions, reached: Reached) -> list[dict[str, Any]]:
    """Every jewel, those that no move touches included, with the minutes until it is reached or None."""
    rows = []
    for jewel in jewels(asked.estate):
        position = positions.parse(asked.estate, positions.default(jewel))
        at = asked.graph.index(position)
        held = at >= 0 and bool(reached.mask[at])
        minutes = None
        if held:
            minutes = [round(float(reached.minutes_low[at]), 1), round(float(reached.minutes_high[at]), 1)]
        rows.append({"position": positions.text(asked.estate, position), "reached": held, "minutes": minutes})
    return sorted(rows, key=lambda row: (not row["reached"], row["minutes"] or [], row["position"]))


def _blast(asked: Questions, hosts: Sequence[str]) -> dict[str, Any]:
    """How many hosts fall to root of one host, for a seeded sample of hosts; sorted, largest first."""
    draw = np.random.default_rng(0)
    chosen = hosts if len(hosts) <= SAMPLE else [hosts[at] for at in sorted(draw.choice(len(hosts), SAMPLE, False))]
    graph, estate = asked.graph, asked.estate
    entity = graph.positions // positions.WIDTH
    kinds = np.append(estate.kinds, -1)[entity] if len(entity) else np.zeros(0, np.int16)
    is_host = kinds == list(KINDS).index("host")
    sizes = []
    for host in chosen:
        at = graph.index(positions.parse(estate, f"{host}#root"))
        mask = closure(graph, [at]) if at >= 0 else np.zeros(len(graph), np.bool_)
        fallen = np.unique(entity[mask & is_host])
        sizes.append({"host": host, "hosts": max(0, len(fallen) - 1) if at >= 0 else 0})
    sizes.sort(key=lambda row: (-int(row["hosts"]), str(row["host"])))
    return {"of": len(hosts), "sampled": len(chosen), "hosts": sizes}
