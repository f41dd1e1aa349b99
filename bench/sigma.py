"""How many events a second the Sigma matcher takes, every rule evaluated on every event.

    python -m bench.sigma --json

Process events of an HPC cluster (`sigma_events`) from Arrow IPC (lz4) and from NDJSON, in two threads of one process;
the given real Windows events in one. Beside wall time stands processor time: on a machine that others use too, the
wall says what was left over, and `per_core` (events a second of one processor's time) what the code costs.
Hits are checked against walking pySigma's tree on a sample, and the fastest evaluator that pip has runs on the same.

What takes how long: reading all rules and compiling loops about 5 s (20 s the first time), the Windows events 10 s,
events some 20 s a million, the naive check 0.2 to 1 s an event of `--sample`, the peer `--peer-seconds` and 20 s to
install it. Sample and peer go by `--events` unless they are asked for: 20,000 events take half a minute, the million
of the default three minutes or more. Standard error says what is going on.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.json as pj

from bench.report import emit, machine, peak_mib, progress
from bench.sigma_events import COLUMNS, events, real_events
from ringfence.watch.batch import Batch, of_events
from ringfence.watch.sigma import Matcher, Ruleset, load
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

ROWS, THREADS = 4096, 2
LEAST, MOST, SHARE = 5, 100, 10_000
"""Events that are walked naively: at least, at most, and one of so many."""
PEERED, PEER_SECONDS = 200_000, 20
"""With fewer events the peer is left out, since to install it takes longer than all else."""
GOALS = {"arrow": 1_000_000, "ndjson": 400_000}
_FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")
_PEER = "sigma-rule-matcher==0.1.0"
_NAMES = {
    "process.file.path": "Image",
    "process.cmd_line": "CommandLine",
    "actor.process.file.path": "ParentImage",
    "actor.process.cmd_line": "ParentCommandLine",
    "process.user.name": "User",
    "process.working_directory": "CurrentDirectory",
    "process.original_file_name": "OriginalFileName",
    "process.integrity": "IntegrityLevel",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; returns 1 where hits differ from the naive evaluator's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/sigma"), help="a checkout of SigmaHQ/sigma")
    parser.add_argument("--events", type=int, default=1_048_576, help="how many are made (default: 1,048,576)")
    sample = f"events that the naive evaluator walks (default: one of {SHARE:,} and {LEAST} at least, {MOST} at most)"
    parser.add_argument("--sample", type=int, help=sample)
    parser.add_argument("--repeat", type=int, default=3, help="runs, of which the best is told (default: 3)")
    peer = f"0 leaves the peer out (default: {PEER_SECONDS} from {PEERED:,} events on, else 0)"
    parser.add_argument("--peer-seconds", type=float, help=peer)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    sample_size, peer_seconds = _bounds(asked.events, asked.sample, asked.peer_seconds)
    progress("reading the rules")
    texts = [(str(path), path.read_text()) for path in _rule_files(asked.data)]
    begin = perf_counter()
    whole, problems = load(texts)
    parsed = perf_counter() - begin
    rules = tuple(one for one in whole.rules if one.category == "process_creation" or one.product == "linux")
    real = real_events(asked.data / "regression_data", ".json")
    begun = [one for one in real if one.class_uid == classes.PROCESS]
    progress(f"making {asked.events:,} events")
    made = _batches(events(asked.events, 7, begun))
    progress("compiling the rules")
    begin = perf_counter()
    every = Matcher(Ruleset(rules), routed=False)
    every.match(made[0])
    compiled = perf_counter() - begin
    result: dict[str, Any] = {
        "machine": machine("pyarrow", "pysigma", "google-re2") | {"load_average": os.getloadavg()[0]},
        "rules": {"on_every_event": len(rules), "of": len(whole.rules), "not_read": len(problems)},
        "seconds": {"to_parse_all": round(parsed, 1), "to_compile": round(compiled, 1)},
        "arrow": _arrow(every, made, asked.repeat),
        "arrow_routed": _arrow(Matcher(Ruleset(rules)), made, asked.repeat),
        "ndjson": _ndjson(every, made, asked.repeat),
        "real": _real(whole, real),
        "check": _check(every, texts, made[0].record.slice(0, sample_size)),
    }
    for name, goal in GOALS.items():
        result[name] |= {"goal": goal, "of_goal": round(result[name]["events_per_second"] / goal, 2)}
    if peer_seconds:
        result["peers"] = {_PEER: _peer(rules, dict(texts), made[0], peer_seconds)}
    result["sizes"] = {"events": asked.events, "sample": sample_size, "peer_seconds": peer_seconds}
    result["peak_mib"] = peak_mib()
    emit(result, asked.json)
    return 0 if result["check"]["equal"] else 1


def _bounds(count: int, sample: int | None, seconds: float | None) -> tuple[int, float]:
    """How many events are walked naively and how long the peer runs: as asked, else by the number of events."""
    sample = min(MOST, max(LEAST, count // SHARE)) if sample is None else sample
    seconds = PEER_SECONDS * (count >= PEERED) if seconds is None else seconds
    return sample, seconds


def _rule_files(root: Path) -> list[Path]:
    return [path for name in _FOLDERS for path in sorted((root / name).rglob("*.yml"))]


def _batches(source: Iterable[Event]) -> list[Batch]:
    """All events as batches of one schema."""
    whole = of_events(source).record
    return [Batch(whole.slice(at, ROWS)) for at in range(0, len(whole), ROWS)]


def _timed(work: Callable[[bytes], int], pieces: Sequence[bytes], count: int, repeat: int) -> dict[str, Any]:
    """The best of some runs of `work` over the pieces, a thread each."""
    best: tuple[float, float, int] | None = None
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(repeat):
            wall, processor = perf_counter(), process_time()
            hits = sum(pool.map(work, pieces))
            spent = perf_counter() - wall, process_time() - processor, hits
            best = min(best, spent) if best else spent
    assert best
    return {
        "events_per_second": round(count / best[0]),
        "per_core": round(count / best[1]),
        "cores_got": round(best[1] / best[0], 2),
        "hits_per_event": round(best[2] / count, 3),
        "threads": THREADS,
    }


def _shares(batches: Sequence[Batch]) -> list[Sequence[Batch]]:
    return [batches[at::THREADS] for at in range(min(THREADS, len(batches)))]


def _arrow(matcher: Matcher, batches: Sequence[Batch], repeat: int) -> dict[str, Any]:
    """From the bytes of Arrow IPC streams to hits."""
    progress("Arrow IPC")
    pieces = [_stream(share) for share in _shares(batches)]
    count = sum(map(len, batches))

    def work(piece: bytes) -> int:
        return sum(len(matcher.match(Batch(record))) for record in pa.ipc.open_stream(piece))

    return _timed(work, pieces, count, repeat) | {"bytes_per_event": round(sum(map(len, pieces)) / count)}


def _stream(batches: Sequence[Batch]) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, batches[0].record.schema, options=options) as writer:
        for one in batches:
            writer.write_batch(one.record)
    return sink.getvalue()


def _ndjson(matcher: Matcher, batches: Sequence[Batch], repeat: int) -> dict[str, Any]:
    """From the bytes of JSON lines to hits: pyarrow parses, the columns known beforehand."""
    progress("NDJSON")
    schema = pa.schema([(name, pa.string()) for name in (*COLUMNS, "device.hostname")] + [("time", pa.int64())])
    pieces = [b"".join(_lines(share, schema.names)) for share in _shares(batches)]
    count = sum(map(len, batches))
    reading = pj.ReadOptions(use_threads=False, block_size=1 << 20)
    parsing = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")

    def work(piece: bytes) -> int:
        found = 0
        for record in pj.open_json(pa.BufferReader(piece), reading, parsing):
            found += len(matcher.match(Batch(record)))
        return found

    return _timed(work, pieces, count, repeat) | {"bytes_per_event": round(sum(map(len, pieces)) / count)}


def _lines(batches: Iterable[Batch], names: Sequence[str]) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for one in batches:
        for row in one.record.select([name for name in names if name in one.names]).to_pylist():
            yield encode({name: value for name, value in row.items() if value is not None}) + b"\n"


def _real(ruleset: Ruleset, real: Sequence[Event]) -> dict[str, Any]:
    """The given Windows events over and over, all rules of SigmaHQ, one thread: every rule, and routed."""
    progress("real Windows events")
    batch = of_events(list(real) * 20)
    found: dict[str, Any] = {"events": len(real), "rules": len(ruleset.rules), "columns": len(batch.names)}
    for name, routed in (("on_every_event", False), ("routed", True)):
        matcher = Matcher(ruleset, routed=routed)
        matcher.match(batch)
        begin = process_time()
        hits = matcher.match(batch)
        found[name] = {"per_core": round(len(batch) / (process_time() - begin)), "hits": len(hits) // 20}
    return found


def _check(matcher: Matcher, texts: Sequence[tuple[str, str]], sample: pa.RecordBatch) -> dict[str, Any]:
    """The hits on a sample, held against walking pySigma's tree event by event."""
    progress(f"naive evaluation of {len(sample)} events")
    naive = import_module("tests.watch.sigma.naive")
    meant = {rule.id for rule in matcher.ruleset.rules}
    known = [one for _, text in texts for one in naive.rules(text) if str(one.id) in meant]
    asked = [(str(one.id), naive.Naive(one)) for one in known]
    rows = [{name: value for name, value in row.items() if value is not None} for row in sample.to_pylist()]
    begin = perf_counter()
    expected = set()
    for at, row in enumerate(rows):
        expected |= {(at, name) for name, ask in asked if ask(row)}
        if at % 10 == 9:
            progress(f"naive evaluation: {at + 1} of {len(rows)} events")
    rate = len(rows) / (perf_counter() - begin)
    hits = matcher.match(Batch(sample))
    pairs = zip(hits.rows.tolist(), hits.rules.tolist(), strict=True)
    found = {(row, matcher.ruleset.rules[rule].id) for row, rule in pairs}
    return {"events": len(rows), "hits": len(found), "equal": found == expected, "naive_events_per_second": round(rate)}


def _peer(rules: Iterable[Any], texts: dict[str, str], batch: Batch, seconds: float) -> dict[str, Any]:
    """The peer in an environment of its own, since it wants another pySigma."""
    progress(f"peer {_PEER}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        venv.create(home / "venv", with_pip=True)
        python = home / "venv" / "bin" / "python"
        got = subprocess.run([python, "-m", "pip", "install", "-q", _PEER], capture_output=True, text=True, check=False)
        if got.returncode:
            return {"not_installed": got.stderr.strip().splitlines()[-1] if got.stderr.strip() else "pip failed"}
        (home / "rules.json").write_bytes(msgspec.json.encode([texts[rule.file] for rule in rules]))
        rows = batch.record.select([name for name in COLUMNS if name in batch.names]).to_pylist()
        named = ({_NAMES[name]: value for name, value in row.items() if value is not None} for row in rows)
        (home / "events.ndjson").write_bytes(b"\n".join(map(msgspec.json.encode, named)))
        script = shutil.copy(Path(__file__).with_name("sigma_peer.py"), home / "peer.py")  # beside no sigma.py
        command = [str(python), str(script), str(home / "rules.json"), str(home / "events.ndjson"), str(seconds)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            return {"failed": ran.stderr.strip().splitlines()[-1]}
        said: dict[str, Any] = msgspec.json.decode(ran.stdout)
        return said | {"threads": 1}


if __name__ == "__main__":
    sys.exit(main())
