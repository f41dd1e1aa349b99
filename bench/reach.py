"""`python -m bench.reach --json`: every node's reach of 100 jewels, from an edge list in memory.

*Cold*: edge list → compressed rows → components → sweep. *Warm*: the components are kept and only
the sweep runs. Both on one core, with the code compiled. Peers answer the same question in the
same process with what their library offers for it: from each jewel, against the edges, once per
jewel. They are timed on a few jewels; building their graph is counted once and the rest scaled
to all jewels (`scaled_from`). Their answers must equal ours.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import peers
from bench.graphs import MANY_SITES, ONE_GREAT_SITE, Drawn, draw
from bench.report import emit, machine, peak_mib, progress, timed
from ringfence.analyse.derive import Edges
from ringfence.analyse.reach import Condensed, Graph, Sets, condense, reach_from, reach_sets, settle, sweep

TARGETS = {"cold_ms": 500, "warm_ms": 6, "igraph": 50, "scipy": 20, "duckdb": 200}


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; exit status 1 if a peer's answer differs."""
    options = _options(arguments)
    progress("compiling")
    _, first_use = timed(_compile)
    result: dict[str, Any] = {"question": "which of the jewels does each node reach?", "targets": TARGETS}
    progress("drawing the graph")
    drawn = draw(options.nodes, options.edges, options.jewels, options.seed, ONE_GREAT_SITE)
    sets, ours = _engine(drawn, options.repeat)
    result["ratios"] = {}
    if not options.skip_peers:
        compared = _compare(drawn, sets, ours["cold"]["median_ms"], options.peer_jewels)
        result["ratios"] = {name: peer["times_slower"] for name, peer in compared.items()}
        result["missing_peers"] = [name for name in peers.PEERS if name not in compared]
        result["answers_equal"] = all(peer["answers_equal"] for peer in compared.values())
        result["peers"] = compared
    result["one_great_component"] = ours
    result["wide"] = _wide(drawn, options.repeat, options.seed)
    del drawn, sets
    progress("a graph of many components")
    result["many_components"] = _engine(
        draw(options.nodes, options.edges, options.jewels, options.seed, MANY_SITES), options.repeat
    )[1]
    progress("with AND edges")
    result["with_and_edges"] = _with_and(options)
    result["first_use_ms"] = first_use.as_json()["best_ms"]
    result["machine"] = machine("scipy", "igraph", "duckdb") | {"peak_mib": peak_mib()}
    result["arguments"] = {name: value for name, value in vars(options).items() if name != "json"}
    emit(result, options.json)
    return 0 if result.get("answers_equal", True) else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.reach", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, default=10_000_000)
    parser.add_argument("--jewels", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peer-jewels", type=int, default=3, help="how many jewels the peers are timed on")
    parser.add_argument("--settle-seconds", type=float, default=10.0)
    parser.add_argument("--skip-peers", action="store_true")
    return parser.parse_args(arguments)


def _compile() -> None:
    """Every kernel once, on a small graph: what a first use pays (less where a cache was kept)."""
    drawn = draw(500, 5_000, 10, 1, MANY_SITES, and_share=0.05)
    graph = _graph(drawn)
    settle(reach_sets(graph, graph.indices(drawn.jewels)))
    reach_from(graph, [0])
    condensed = condense(drawn.nodes, drawn.source, drawn.target)
    sweep(condensed, np.resize(drawn.jewels, 200))
    peers.stream(np.ones(1000, np.uint64))


def _engine(drawn: Drawn, repeat: int) -> tuple[Sets, dict[str, Any]]:
    """Cold and warm times, and how near the sweep comes to plain streaming of the bytes it must touch."""

    def cold() -> tuple[Condensed, Sets]:
        condensed = condense(drawn.nodes, drawn.source, drawn.target)
        return condensed, sweep(condensed, drawn.jewels)

    (condensed, sets), cold_time = timed(cold, repeat)
    _, warm_time = timed(lambda: sweep(condensed, drawn.jewels), repeat * 4)
    return sets, {
        "nodes": drawn.nodes,
        "edges": len(drawn.source),
        "jewels": len(drawn.jewels),
        "components": condensed.count,
        "largest_component_share": round(float(condensed.sizes.max()) / drawn.nodes, 4),
        "edges_between_components": len(condensed.to),
        "mean_share_of_nodes_reaching_a_jewel": round(float(sets.reaching().mean()) / drawn.nodes, 4),
        "cold": cold_time.as_json(),
        "warm": warm_time.as_json(),
        "bandwidth": _bandwidth(condensed, 2, warm_time.median),
    }


def _bandwidth(condensed: Condensed, words: int, seconds: float) -> dict[str, float]:
    """Bytes the sweep touches (each row read once per edge and written once) against reading as many in a row."""
    touched = len(condensed.to) * (4 + 8 * words) + condensed.count * (4 + 2 * 8 * words)
    straight = np.ones(touched // 8, np.uint64)
    _, taken = timed(lambda: peers.stream(straight), 9)
    return {
        "sweep_gb_per_s": round(touched / seconds / 1e9, 2),
        "stream_gb_per_s": round(touched / taken.median / 1e9, 2),
        "fraction_of_stream": round(taken.median / seconds, 3),
    }


def _wide(drawn: Drawn, repeat: int, seed: int) -> dict[str, Any]:
    """512 jewels in one pass of 64-byte rows, where the memory is the limit."""
    condensed = condense(drawn.nodes, drawn.source, drawn.target)
    jewels = np.random.default_rng(seed).integers(drawn.nodes, size=512)
    _, taken = timed(lambda: sweep(condensed, jewels), repeat)
    return {"jewels": 512, "warm": taken.as_json(), "bandwidth": _bandwidth(condensed, 8, taken.median)}


def _compare(drawn: Drawn, sets: Sets, cold_ms: float, most: int) -> dict[str, dict[str, Any]]:
    """Each peer: build once, then backwards from `most` jewels, scaled to all; and whether it agrees."""
    some = drawn.jewels[np.linspace(0, len(drawn.jewels) - 1, min(most, len(drawn.jewels))).astype(np.int64)]
    expected = _matrix(sets, drawn.jewels, some)
    compared = {}
    for name, peer in peers.PEERS.items():
        progress(f"peer: {name}")
        try:
            compared[name] = _peer(peer, drawn, some, expected, cold_ms)
        except ModuleNotFoundError as missing:
            progress(f"not installed: {missing.name} (pip install ringfence[bench])")
    return compared


def _peer(
    peer: Callable[[Drawn], tuple[Callable[[int], NDArray[np.int64]], Callable[[], None]]],
    drawn: Drawn,
    some: NDArray[np.int64],
    expected: dict[int, NDArray[np.int64]],
    cold_ms: float,
) -> dict[str, Any]:
    (ask, close), build = timed(lambda: peer(drawn))
    equal, runs = True, []
    for jewel in some.tolist():
        answer, taken = timed(lambda jewel=jewel: ask(jewel))  # type: ignore[misc]  # a default makes the loop's value stay
        runs.append(taken.best)
        equal &= np.array_equal(np.sort(answer), expected[jewel])
    close()
    each = sum(runs) / len(runs) * 1000
    total = build.best * 1000 + each * len(drawn.jewels)
    return {
        "build_ms": round(build.best * 1000, 1),
        "each_jewel_ms": round(each, 1),
        "all_jewels_cold_ms": round(total, 1),
        "scaled_from": f"{len(some)} of {len(drawn.jewels)} jewels",
        "times_slower": round(total / cold_ms, 1),
        "answers_equal": bool(equal),
    }


def _matrix(sets: Sets, jewels: NDArray[np.int64], some: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """For some jewels, the nodes that reach each, ascending."""
    found = {}
    for jewel in some.tolist():
        at = int(np.flatnonzero(jewels == jewel)[0])
        column = (sets.rows[:, at // 64] >> np.uint64(at % 64)) & np.uint64(1)
        found[jewel] = np.flatnonzero(column[sets.component] == 1)
    return found


def _graph(drawn: Drawn) -> Graph:
    """The drawn graph as the engine's own, AND edges included."""
    count = len(drawn.source)
    start = np.full((count, 3), -1, np.int64)
    start[:, 0], start[:, 1] = drawn.source, drawn.second
    ones = np.ones(count, np.float32)
    return Graph.of(
        Edges(
            np.zeros(count, np.int16),
            start,
            drawn.target.astype(np.int64),
            np.zeros((count, 0), np.int64),
            ones,
            ones,
            np.zeros(count, np.bool_),
        )
    )


def _with_and(options: argparse.Namespace) -> dict[str, Any]:
    """One edge in a hundred needs a second start: both bounds, the settling of what differs, one exact fixpoint."""
    drawn = draw(options.nodes, options.edges, options.jewels, options.seed, MANY_SITES, and_share=0.01)
    graph, build = timed(lambda: _graph(drawn))
    jewels = graph.indices(drawn.jewels)
    bounds, swept = timed(lambda: reach_sets(graph, jewels))
    differing = len(bounds.undecided())
    settled, taken = timed(lambda: settle(bounds, options.settle_seconds))
    graph.forward  # noqa: B018 - kept by the graph
    _, one = timed(lambda: reach_from(graph, [0]), 3)
    return {
        "and_share": 0.01,
        "graph_ms": build.as_json()["best_ms"],
        "both_bounds_cold_ms": swept.as_json()["best_ms"],
        "positions_differing": differing,
        "settle_ms": taken.as_json()["best_ms"],
        "positions_undecided_after": len(settled.undecided()),
        "exact_from_one_foothold_ms": one.as_json()["median_ms"],
    }


if __name__ == "__main__":
    sys.exit(main())
