"""Writes a small replay as logs, so that `ringfence quality` can be tried on it."""

import json
from datetime import UTC, datetime
from pathlib import Path

from bench.quality.run import Options, replay_of
from bench.quality.site import estate
from ringfence.errors import UsageError
from ringfence.store.saved import save
from ringfence.synth.telemetry import chunks
from ringfence.synth.telemetry.world import EPOCH, SECOND

MOST = 20_000_000
"""Events beyond which nobody wants them as text."""


def write(options: Options, folder: Path) -> int:
    """A file of NDJSON for each source in `events/`, as its agent sends it; `truth.jsonl`; `cluster.estate`."""
    if options.nodes * options.hours * 3600 > MOST:
        raise UsageError("too many events to write as text", "fewer --nodes or --hours")
    days = replay_of(options)
    events = folder / "events"
    events.mkdir(parents=True)
    save(estate(days.world.plan), folder / "cluster.estate")
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


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(EPOCH / SECOND + seconds, UTC).isoformat()
