"""Writes a small replay as logs, so that `ringfence quality` can be tried on it."""

from pathlib import Path

from bench.quality.run import Options, replay_of
from ringfence.app import generate_logs
from ringfence.errors import UsageError


def write(options: Options, folder: Path) -> int:
    """A file of NDJSON for each source in `events/`, as its agent sends it; `truth.jsonl`; `cluster.estate`."""
    if options.nodes * options.hours * 3600 > generate_logs.MOST:
        raise UsageError("too many events to write as text", "fewer --nodes or --hours")
    return generate_logs.write(replay_of(options), folder)
