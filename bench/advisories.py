"""`python -m bench.advisories --json`: hardware advisories, read, indexed and matched, and what hostile input costs.

The bulletins are those of `../shared/data/csaf` (or made ones with `--made`, where that folder is absent). Nodes are
drawn over 40 driver versions, 6 toolkits and 12 adapter firmwares; `distinct` gives every node a version of its own.
The peer is what a first script does: every node against every row, ranges read each time; timed on few nodes and
scaled, and its answer is compared. Hostile input is doubled three times; the exponent of growth should be about 1.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from bench.report import emit, machine, progress, timed
from ringfence.assess.advisories import ranges
from ringfence.assess.advisories.index import Index
from ringfence.assess.advisories.judge import facts, findings
from ringfence.assess.advisories.products import DRIVER, TOOLKIT
from ringfence.assess.advisories.tokens import installed
from ringfence.assess.advisories.verdict import Verdict
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.wire import csaf
from ringfence.wire.advisory import LONGEST, Advisory, Flaw, Named

GOAL_LOAD_S, GOAL_MATCH_S = 1.0, 2.0
_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "csaf"
_BRANCHES = (470, 515, 525, 535, 550, 570, 575, 580)


def main(arguments: list[str] | None = None) -> int:
    """Run the bench and print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m bench.advisories", description=__doc__.partition("\n")[0])
    parser.add_argument("--csaf", type=Path, default=_SHARED)
    parser.add_argument("--made", action="store_true", help="made bulletins instead of real ones")
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--peer-nodes", type=int, default=200)
    parser.add_argument("--hostile", type=int, default=4_000, help="smallest size of hostile input")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(arguments)
    real = asked.csaf.is_dir() and not asked.made
    data = list(_texts(asked.csaf)) if real else []
    progress("load")
    index, load = timed(lambda: Index(map(csaf.read, data) if real else made()), asked.repeat)
    result: dict[str, Any] = {
        "bulletins": "real" if real else "made",
        "documents": len(data),
        "rows": sum(map(len, index.rows.values())),
        "load": load.as_json(),
    }
    progress("match")
    for name, distinct in (("drawn", False), ("distinct", True)):
        result[name] = _matched(index, cluster(asked.nodes, distinct), asked.repeat)
    progress("peer")
    result["peer"] = _peer(index, cluster(asked.peer_nodes, distinct=False), asked.nodes)
    result["peer"]["times_slower"] = round(result["peer"]["scaled_ms"] / result["drawn"]["verdicts"]["best_ms"], 1)
    progress("hostile")
    result["growth_exponent"] = {name: _growth(make, asked.hostile, asked.repeat) for name, make in HOSTILE.items()}
    match_s = (result["drawn"]["verdicts"]["best_ms"] + result["drawn"]["facts"]["best_ms"]) / 1000
    result["figures"] = {
        "load_s": {"goal": GOAL_LOAD_S, "is": load.best, "met": load.best <= GOAL_LOAD_S},
        "match_s": {"goal": GOAL_MATCH_S, "is": match_s, "met": match_s <= GOAL_MATCH_S},
    }
    emit({"bench": "advisories", "nodes": asked.nodes, "machine": machine(), **result}, asked.json)
    return 0


def _texts(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*.json")):
        data = path.read_bytes()
        if csaf.is_csaf(data):
            yield data


def made() -> Iterator[Advisory]:
    """Eight bulletins that each name the four newest branches of their time."""
    for number in range(8):
        branches = _BRANCHES[max(0, number - 3) : number + 1]
        named = [
            Named(f"Linux(R{one})", "Tesla", f"All driver versions prior to {one}.{number * 20}.1") for one in branches
        ]
        flaws = tuple(Flaw(f"CVE-2099-{number}{flaw:03d}", tuple(named), ()) for flaw in range(6))
        yield Advisory(str(7000 + number), "", f"2099-{number + 1:02d}-01", flaws)


def cluster(nodes: int, distinct: bool, seed: int = 7) -> Estate:
    """Hosts with a card, a driver, a toolkit and an adapter each."""
    draw = Random(seed)

    def node_facts(number: int) -> Iterator[Fact]:
        host, gpu = f"host:n{number:05d}", f"gpu:GPU-{number:05d}"
        minor = number if distinct else draw.randrange(5) * 60
        driver = f"{draw.choice(_BRANCHES)}.{minor}.0{draw.randrange(9) if distinct else 1}"
        yield Fact(host, "has_gpu", gpu, {"index": 0, "model": "NVIDIA H100 80GB HBM3"}, "bench", 1.0)
        yield Fact(host, "runs_software", "package:nvidia-driver", {"version": driver}, "bench", 1.0)
        toolkit = {"version": f"1.{draw.choice((16, 17))}.{draw.randrange(3) * 4}"}
        yield Fact(host, "runs_software", "package:generic/nvidia-container-toolkit", toolkit, "bench", 1.0)
        firmware = f"28.{draw.choice((35, 39, 43, 46))}.{draw.randrange(3) * 2000}"
        about = {"version": firmware, "name": "MT4129"}
        yield Fact(f"ibport:0x{number:016x}", "runs_firmware", f"firmware:MT4129/{firmware}", about, "bench", 1.0)

    return estate_of(fact for number in range(nodes) for fact in node_facts(number))


def _matched(index: Index, estate: Estate, repeat: int) -> dict[str, Any]:
    found, verdicts = timed(lambda: findings(estate, index), repeat)
    told, written = timed(lambda: list(facts(found)), repeat)
    _, merged = timed(lambda: estate.with_delta(told), 1)
    return {
        "classes": len(found),
        "facts_found": len(told),
        "verdicts": verdicts.as_json(),
        "facts": written.as_json(),
        "merge": merged.as_json(),
    }


def _peer(index: Index, estate: Estate, nodes: int) -> dict[str, Any]:
    """Every host against every row; only `affected` of drivers and toolkits, which ranges alone decide."""

    def naive() -> set[tuple[str, str]]:
        hits = set()
        for fact in estate.facts("runs_software"):
            product = DRIVER if fact.object == "package:nvidia-driver" else TOOLKIT
            version = installed(str(fact.attributes["version"]))
            for row in index.rows.get(product, ()):
                fits = not row.place.branch or (version and row.place.branch == str(version[0]))
                if version and fits and row.place.line in ("", "Tesla") and row.place.system in ("", "linux"):
                    bare = row.range.text.partition("(")[0] if product == DRIVER else row.range.text
                    if not row.range.condition and ranges.read(bare).holds(version):
                        hits.add((fact.subject, row.cve))
        return hits

    hits, taken = timed(naive, 1)
    ours = {
        (entity, said.cve)
        for found in findings(estate, index)
        if found.of.install.product in (DRIVER, TOOLKIT)
        for said in found.judged.said
        if said.verdict in (Verdict.AFFECTED, Verdict.UNKNOWN)
        for entity in found.of.entities
    }
    hosts = max(1, estate.table("has_gpu").count)
    return {"ours_hold_its_hits": hits <= ours, "scaled_from": hosts, "scaled_ms": taken.best * 1000 * nodes / hosts}


def _prose(size: int) -> None:
    for _ in range(max(1, size // LONGEST)):
        for unit in ("(", "1.", "1 to ", "prior ", "x", ",", "1.x ", "(1", "all versions "):
            ranges.read((unit * LONGEST)[:LONGEST])


def _tree(size: int) -> None:
    leaves = ",".join(
        f'{{"category":"product_version","name":"Tesla","product":{{"product_id":"{at}"}}}}' for at in range(size)
    )
    ids = ",".join(f'"{at}"' for at in range(size))
    text = (
        '{"document":{"csaf_version":"2.0","tracking":{"id":"1"}},"product_tree":{"branches":[{"category":"architecture",'
        f'"name":"Linux(R1)","branches":[{leaves}]}}]}},"vulnerabilities":[{{"cve":"CVE-2099-0001","product_status":'
        f'{{"known_affected":[{ids}]}}}}]}}'
    )
    csaf.read(text.encode())


def _many(size: int) -> None:
    index = Index(made())
    findings(cluster(size, distinct=True), index)


def _bulletins(size: int) -> None:
    named = tuple(Named(f"Linux(R{at})", "Tesla", f"All driver versions prior to {at}.5") for at in range(1, 9))
    index = Index(
        Advisory(str(at), "", "2099-01-01", (Flaw(f"CVE-2099-{at:05d}", named, named),)) for at in range(size)
    )
    findings(cluster(50, distinct=False), index)


HOSTILE: dict[str, Callable[[int], None]] = {
    "prose": _prose,
    "products": _tree,
    "versions": _many,
    "bulletins": _bulletins,
}


def _growth(make: Callable[[int], None], smallest: int, repeat: int) -> float:
    """The exponent of growth over three doublings, by the slope between the ends."""
    times = [timed(lambda size=size: make(size), repeat)[1].best for size in (smallest, smallest * 8)]  # type: ignore[misc]
    return round(math.log(times[1] / times[0], 8), 2)


if __name__ == "__main__":
    sys.exit(main())
