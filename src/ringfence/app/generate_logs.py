"""Hours of a generated cluster's telemetry as logs, with a few attacks among them, and the truth about these.

plan ─▶ jobs, people, machines over hours ─┬─▶ events/HOST-SENSOR.ndjson   as its agent would send it
attacks ───────────────────────────────────┘   truth.jsonl, cluster.estate
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ringfence.app.survey import Progress
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import save
from ringfence.synth import Rates, draw, facts
from ringfence.synth.attacks import Replay, replay
from ringfence.synth.attacks.base import Attack
from ringfence.synth.plan import Cluster
from ringfence.synth.telemetry import chunks
from ringfence.synth.telemetry.world import EPOCH, SECOND

MOST = 20_000_000
"""Events beyond which nobody wants them as text: about one a second and node."""
RATES = Rates(compute_reaches_outside=1.0)
"""Jobs may fetch and report outside, as they do on most clusters; all else is misconfigured as often as ever."""

ATTACKS: Mapping[str, Mapping[str, float]] = {
    "weights_egress": {"mbit_s": 2000, "share_of_model": 0.8, "destinations": 1},
    "lateral_chain": {"hops": 5, "minutes_apart": 2},
    "credential_harvest": {"files": 30, "minutes_apart": 0.1},
    "partition_tampered": {"ports": 40},
}
"""Attacks that can be put among the events, each as loud as given here."""


def generate_logs(
    nodes: int, seed: int, hours: float, folder: Path, attacks: Sequence[str], progress: Progress | None = None
) -> str:
    """Write logs, their truth and the cluster's estate into a new folder; what was made, in a sentence."""
    if folder.exists():
        raise UsageError(f"{folder} exists already", "name a new folder")
    if nodes * hours * 3600 > MOST:
        raise UsageError("too many events to write as text", "fewer --nodes or --hours")
    unknown = sorted(set(attacks) - ATTACKS.keys())
    if unknown:
        raise UsageError(f"no attack is called {unknown[0]!r}", f"one of {', '.join(ATTACKS)}")
    if progress:
        progress("writing logs", nodes, 0)
    drawn = [
        Attack(f"{kind}-{seed}", kind, "loud", (at + 1) * 259_200 / (len(attacks) + 1), seed, ATTACKS[kind])
        for at, kind in enumerate(attacks)
    ]
    days = replay(draw(nodes, seed, RATES), seed, int(hours * 3600), drawn)
    count = write(days, folder)
    return f"{count:,} events of {nodes:,} nodes, {len(days.truth)} attacks among them → {folder}"


def write(days: Replay, folder: Path) -> int:
    """A file of NDJSON for each source in `events/`; `truth.jsonl`; `cluster.estate`. How many events."""
    events = folder / "events"
    events.mkdir(parents=True)
    save(estate_before(days.world.plan), folder / "cluster.estate")
    with (folder / "truth.jsonl").open("w", encoding="utf-8") as file:
        for one in days.truth:
            line = {"id": one.id, "kind": one.kind, "start": _iso(one.start), "end": _iso(one.end)}
            file.write(json.dumps(line | {"entities": one.entities, "loudness": one.loudness}) + "\n")
    count = 0
    for record in chunks(days.world, days.stories):
        lines: dict[str, list[str]] = {}
        for row in record.to_pylist():
            said = {name: value for name, value in row.items() if value is not None and name != "received"}
            lines.setdefault(row["source"], []).append(json.dumps(said))
        for source, those in lines.items():
            name = source.removeprefix("host:").replace("/", "-")
            with (events / f"{name}.ndjson").open("a", encoding="utf-8") as file:
                file.write("\n".join(those) + "\n")
        count += record.num_rows
    return count


def estate_before(plan: Cluster) -> Estate:
    """What a survey before would say. Of jobs it says nothing: those of the logs have not begun."""
    return estate_of(_standing(plan), b"generated")


def _standing(plan: Cluster) -> Iterator[Fact]:
    for fact in facts(plan):
        if not fact.subject.startswith("job:") and not fact.object.startswith("job:"):
            yield fact


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(EPOCH / SECOND + seconds, UTC).isoformat()
