"""Runs and what they read and wrote, in one shape, out of three sources.

OpenLineage events (spec 2-0-2: a JSON event, a list, or one event a line), MLflow's answer to
runs/search and its `meta.yaml`, and observed file opens: `{"job", "path", "mode", "host"}` a line.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_OPENLINEAGE = "write one OpenLineage event a line, or a list of them"
_MLFLOW = "capture the answer of /api/2.0/mlflow/runs/search, or the run's meta.yaml"
_OPENS = 'write {"job": …, "path": …, "mode": "r" or "w", "host": …} a line'


class Data(msgspec.Struct, frozen=True):
    """Something read or written. `namespace` and `name` as the source says; `kind` where it says one.

    `version` is what pins the bytes: MLflow's digest of an input, OpenLineage's version of a dataset; empty without.
    """

    namespace: str
    name: str
    kind: str = ""
    version: str = ""


class Run(msgspec.Struct, frozen=True):
    """One run. `slurm` is its batch job's number and `cluster` that job's cluster, where the run tells them."""

    family: str
    job: str
    reads: tuple[Data, ...]
    writes: tuple[Data, ...]
    account: str = ""
    slurm: str = ""
    cluster: str = ""
    host: str = ""


def looks_like(head: bytes) -> str:
    """Say "openlineage", "mlflow-json", "mlflow-yaml" or "opens"; empty for none of them."""
    start = head.lstrip()[:1]
    if start in (b"{", b"["):
        if b'"eventTime"' in head and (b'"producer"' in head or b'"schemaURL"' in head):
            return "openlineage"
        if b'"runs"' in head[:200] and b'"run_id"' in head and b'"artifact_uri"' in head:
            return "mlflow-json"
        first = head.lstrip().partition(b"\n")[0]
        if start == b"{" and all(mark in first for mark in (b'"job"', b'"path"', b'"mode"')):
            return "opens"
    elif b"artifact_uri:" in head and b"run_id:" in head:
        return "mlflow-yaml"
    return ""


def parse(form: str, data: bytes) -> list[Run]:
    """Read one of the forms of `looks_like`. Raises `InputError` with the line."""
    if form == "openlineage":
        return [run for line, event in _events(data) if (run := _openlineage(line, event))]
    if form == "mlflow-json":
        return _mlflow_answer(data)
    if form == "mlflow-yaml":
        return [_mlflow({"info": document}) for document in safe.yaml_documents(data)]
    return _opens(data)


def _events(data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, event) of a list, a single object over several lines, or NDJSON."""
    text = data.strip()
    if text.startswith(b"["):
        events = safe.json(text)
        numbered = [(0, event) for event in events]
    elif b"\n" not in text or text.startswith((b"{\n", b"{\r")):
        numbered = [(1, safe.json(text))]
    else:
        numbered = [(number, _line(number, line)) for number, line in safe.lines(data) if line.strip()]
    for number, event in numbered:
        if not isinstance(event, dict):
            raise InputError("an event is an object", line=number, remedy=_OPENLINEAGE)
        yield number, event


def _line(number: int, line: str) -> Any:
    try:
        return safe.json(line.encode())
    except InputError as error:
        raise InputError(error.what, line=number, remedy=_OPENLINEAGE) from None


def _openlineage(line: int, event: dict[str, Any]) -> Run | None:
    """The run of one event; job and dataset events, which have no run, give none."""
    run, job = event.get("run"), event.get("job")
    if run is None:
        return None
    if not isinstance(run, dict) or not isinstance(job, dict) or not _text(job, "name"):
        raise InputError("a run event needs run and job", line=line, remedy=_OPENLINEAGE)
    variables = {
        _text(each, "name"): _text(each, "value")
        for each in _dicts(_dict(_dict(run.get("facets")).get("environmentVariables")).get("environmentVariables"))
    }
    namespace, name = _text(job, "namespace"), _text(job, "name")
    if namespace.startswith("slurm://"):
        variables |= {"SLURM_JOB_ID": name, "SLURM_CLUSTER_NAME": namespace.removeprefix("slurm://")}
    return Run(
        "openlineage",
        f"{namespace}/{name}",
        tuple(_dataset(each) for each in _dicts(event.get("inputs"))),
        tuple(_dataset(each) for each in _dicts(event.get("outputs"))),
        variables.get("USER", ""),
        variables.get("SLURM_JOB_ID", ""),
        variables.get("SLURM_CLUSTER_NAME", ""),
    )


def _dataset(row: dict[str, Any]) -> Data:
    facets = _dict(row.get("facets"))
    kind = _text(_dict(facets.get("datasetType")), "datasetType").lower()
    version = _text(_dict(facets.get("version")), "datasetVersion")
    return Data(_text(row, "namespace"), _text(row, "name"), kind if kind in ("model", "checkpoint") else "", version)


def _mlflow_answer(data: bytes) -> list[Run]:
    document = safe.json(data)
    runs = document.get("runs") if isinstance(document, dict) else None
    if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
        raise InputError("runs is not a list of objects", remedy=_MLFLOW)
    return [_mlflow(run) for run in runs]


def _mlflow(row: Any) -> Run:
    info = _dict(_dict(row).get("info"))
    if not _text(info, "run_id"):
        raise InputError("a run has no run_id", remedy=_MLFLOW)
    tags = {_text(tag, "key"): _text(tag, "value") for tag in _dicts(_dict(row.get("data")).get("tags"))}
    inputs = _dicts(_dict(row.get("inputs")).get("dataset_inputs"))
    artefacts = _text(info, "artifact_uri")
    return Run(
        "mlflow",
        _text(info, "run_id"),
        tuple(_mlflow_dataset(_dict(each.get("dataset"))) for each in inputs),
        (Data("", artefacts, "model"),) if artefacts else (),
        _text(info, "user_id") or tags.get("mlflow.user", ""),
        tags.get("SLURM_JOB_ID", tags.get("slurm_job_id", "")),
        tags.get("SLURM_CLUSTER_NAME", ""),
    )


def _mlflow_dataset(row: dict[str, Any]) -> Data:
    """By its source, which is JSON text such as {"uri": "s3://…"}, else by its name."""
    try:
        source = _dict(safe.json(_text(row, "source").encode()))
    except InputError:
        source = {}
    uri = _text(source, "uri") or _text(source, "url") or _text(source, "path")
    digest = _text(row, "digest")
    return Data("", uri, "", digest) if uri else Data("mlflow", _text(row, "name"), "", digest)


def _opens(data: bytes) -> list[Run]:
    """One run per job and host, its paths gathered."""
    reads: dict[tuple[str, str, str], dict[str, None]] = {}
    writes: dict[tuple[str, str, str], dict[str, None]] = {}
    for number, line in safe.lines(data):
        if not line.strip():
            continue
        row = _dict(_line(number, line))
        job, path, mode = str(row.get("job", "")), _text(row, "path"), _text(row, "mode")
        if not job or not path.startswith("/") or not mode:
            raise InputError("an open needs job, path and mode", line=number, remedy=_OPENS)
        key = (job, _text(row, "cluster"), _text(row, "host"))
        reads.setdefault(key, {})
        writes.setdefault(key, {})
        if "r" in mode or "+" in mode:
            reads[key][path] = None
        if any(letter in mode for letter in "wa+x"):
            writes[key][path] = None
    return [
        Run("opens", job, _files(reads[key]), _files(writes[key]), "", job, cluster, host)
        for key in reads
        for job, cluster, host in [key]
    ]


def _files(paths: dict[str, None]) -> tuple[Data, ...]:
    return tuple(Data("file", path) for path in paths)


class Location(msgspec.Struct, frozen=True):
    """Where a dataset name leads. `server` empty: the path as the run's own host sees it; `path` empty: only a name."""

    server: str
    path: str


def located(data: Data) -> Location:
    """Where the data lies, by the naming rules of OpenLineage and by URL.

    >>> located(Data("s3://weights", "llama/7b"))
    Location(server='s3', path='weights/llama/7b')
    """
    whole = data.name if "://" in data.name else f"{data.namespace.rstrip('/')}/{data.name.lstrip('/')}"
    if data.name.startswith("/") and data.namespace in ("file", "", "file://"):
        return Location("", data.name)
    try:
        parts = urlsplit(whole)
    except ValueError:
        return Location("", "")
    path = parts.path.rstrip("/")
    if parts.scheme in ("s3", "s3a", "gs", "gcs", "abfss", "wasbs"):
        bucket = parts.netloc.partition("@")[0] if "@" in parts.netloc else parts.netloc
        return Location("s3" if parts.scheme.startswith("s3") else parts.scheme, bucket + path) if bucket else _NOWHERE
    if parts.scheme == "file":
        return Location("", path) if path else _NOWHERE
    if parts.scheme in ("nfs", "hdfs", "lustre") and parts.hostname and path:
        return Location(parts.hostname if parts.scheme == "nfs" else f"{parts.scheme}-{parts.hostname}", path)
    return _NOWHERE


_NOWHERE = Location("", "")


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
