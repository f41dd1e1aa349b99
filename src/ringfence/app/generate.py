"""Generated clusters: as a saved estate, as the captures they would give, or as the connections of their jobs."""

import json
from pathlib import Path

from ringfence.app.survey import Progress
from ringfence.errors import UsageError
from ringfence.estate.estate import estate_of
from ringfence.store.saved import save
from ringfence.synth import draw, facts
from ringfence.synth.captures import write
from ringfence.synth.traffic import traffic

FEWEST, MOST = 16, 10_000


def generate_estate(nodes: int, seed: int, path: Path, progress: Progress | None = None) -> str:
    """Write a saved estate; returns what was made, in a sentence."""
    _check(nodes)
    if progress:
        progress("generating", nodes, 0)
    estate = estate_of(facts(draw(nodes, seed)), b"generated")
    save(estate, path)
    return f"{len(estate):,} facts about a cluster of {nodes:,} nodes → {path}"


def generate_captures(
    nodes: int, seed: int, folder: Path | None, per_class: int = 2, progress: Progress | None = None
) -> str:
    """Write captures into a folder that does not exist yet; returns what was made, in a sentence."""
    _check(nodes)
    assert folder is not None
    if folder.exists():
        raise UsageError(f"{folder} exists already", "name a new folder")
    if progress:
        progress("writing captures", nodes, 0)
    count, size = write(draw(nodes, seed), folder, per_class or None)
    return f"{count:,} files, {size / 1e6:,.0f} MB, of a cluster of {nodes:,} nodes → {folder}"


def generate_flows(nodes: int, seed: int, path: Path, progress: Progress | None = None) -> str:
    """Write what its jobs and people connect to as NDJSON, for `fence learn`; what was made, in a sentence."""
    _check(nodes)
    if progress:
        progress("writing connections", nodes, 0)
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for use in traffic(draw(nodes, seed)):
            if use.plane == "ip":
                protocol, _, port = use.what.partition("/")
                ends = {"source": _address(use.source), "target": _address(use.target)}
                file.write(json.dumps({**ends, "protocol": protocol, "port": int(port or 0)}) + "\n")
                count += 1
    return f"{count:,} connections in a cluster of {nodes:,} nodes → {path}"


def _address(end: str) -> str:
    """One address of a network of one; other ends are named."""
    return end.removeprefix("network:").removesuffix("/32")


def _check(nodes: int) -> None:
    if not FEWEST <= nodes <= MOST:
        raise UsageError(f"a generated cluster has {FEWEST} to {MOST:,} nodes", f"--nodes {FEWEST} or more")
