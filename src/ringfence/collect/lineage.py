"""Lineage → facts: what each run read and wrote, and so what was made from what."""

from collections.abc import Iterable, Iterator

from ringfence.collect.base import CapturedFile, Found, asked, stamped
from ringfence.collect.places import Place, Places
from ringfence.collect.storage_data import root_of
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import kind_of
from ringfence.wire.artefact import kinds
from ringfence.wire.lineage import runs

MOST_PAIRS = 10_000

OPENS = "opens"
"""The form of observed opens: a list of what was seen, which says of nothing that it was all."""


def facts(form: str, files: Iterable[CapturedFile], places: Places) -> Iterator[Found]:
    """Facts of every file of one form of `wire.lineage.runs`."""
    made = Made()
    for file in files:
        try:
            found = runs.parse(form, file.data)
        except InputError as error:
            yield Problem.of(file.path, error)
            continue
        for run in found:
            for each in _of_run(run, file, places, made):
                yield stamped(each, file) if isinstance(each, Fact) else each
    if form != OPENS:
        yield from made.facts()


class Made:
    """What runs wrote and read, so that it can be said what went into a thing and how it was handed on.

    A run tells its inputs at its start and its outputs at its end, so all its events count together.
    """

    def __init__(self) -> None:
        self._written: dict[str, dict[str, CapturedFile]] = {}
        self._read: dict[str, set[str]] = {}
        self._pinned: set[str] = set()

    def take(
        self, job: str, read: Iterable[str], written: Iterable[str], pinned: Iterable[str], file: CapturedFile
    ) -> None:
        """Note one event; `pinned` are those read whose version or digest it names."""
        self._read.setdefault(job, set()).update(read)
        self._pinned.update(pinned)
        for entity in written:
            self._written.setdefault(entity, {}).setdefault(job, file)

    def facts(self) -> Iterator[Fact]:
        """Coverage of all that was written; of models and checkpoints whether their sources are named; and of what
        one run wrote and another read, whether the reader was told which bytes.
        """
        readers: dict[str, set[str]] = {}
        for job, read in self._read.items():
            for entity in read:
                readers.setdefault(entity, set()).add(job)
        for entity, jobs in self._written.items():
            file = next(iter(jobs.values()))
            yield stamped(asked(entity, "lineage", answered=True, complete=True), file)
            if kind_of(entity) in ("model", "checkpoint"):
                named = any(self._read[job] - {entity} for job in jobs)
                yield stamped(Fact(entity, "setting", f"provenance={'named' if named else 'none'}"), file)
            if readers.get(entity, set()) - jobs.keys():
                how = "pinned" if entity in self._pinned else "unverified"
                yield stamped(Fact(entity, "setting", f"hand-over={how}"), file)


def _of_run(run: runs.Run, file: CapturedFile, places: Places, made: Made) -> Iterator[Found]:
    job = job_of(run, places.scope.cluster_of(file.path))
    host = places.scope.host(run.host) if run.host else ""
    read = sorted({entity_of(each, host, places) for each in run.reads})
    written = sorted({entity_of(each, host, places) for each in run.writes})
    pinned = {entity_of(each, host, places) for each in run.reads if each.version}
    made.take(job, read, written, pinned, file)
    for entity in read:
        yield Fact(job, "reads", entity)
    for entity in written:
        yield Fact(job, "writes", entity)
    if run.account:
        yield Fact(job, "runs_as", ids.identity(run.account))
    if host:
        yield Fact(job, "runs_on", host)
    if len(read) * len(written) > MOST_PAIRS:
        yield Problem(file.path, 0, f"{ids.clean(run.job)} reads and writes too much to say what came from what")
        return
    for result in written:
        for source in read:
            yield from _made(result, source)
    yield from _states([each for each in (*read, *written) if kind_of(each) == "checkpoint"], written)


def _made(made: str, source: str) -> Iterator[Fact]:
    """The output was made from the input: a model or checkpoint is trained, a dataset is derived."""
    if made == source:
        return
    if kind_of(made) in ("model", "checkpoint"):
        yield Fact(made, "trained_from", source)
    elif kind_of(source) == "dataset":
        yield Fact(made, "part_of", source)


def _states(states: Iterable[str], written: Iterable[str]) -> Iterator[Fact]:
    models = [each for each in written if kind_of(each) == "model"]
    if len(models) == 1:  # with several, a state's model is anyone's guess; `trained_from` already links them
        yield from (Fact(state, "checkpoint_of", models[0]) for state in dict.fromkeys(states))


def job_of(run: runs.Run, cluster: str) -> str:
    """The batch job where the run tells its number, else a job of the lineage system's own."""
    if run.slurm:
        family, _, rest = run.slurm.partition("/")
        if family == "slurm" and "/" in rest:
            named, _, number = rest.rpartition("/")
            return ids.job(named, number)
        return ids.job(run.cluster or cluster, run.slurm)
    return ids.of("job", run.family, *run.job.split("/"))


def entity_of(data: runs.Data, host: str, places: Places) -> str:
    """The dataset, model or checkpoint that a run names: by its place where it has one, else by name."""
    where = runs.located(data)
    if not where.path:
        kind = data.kind or kinds.DATASET
        return ids.of(kind, *[part for part in (data.namespace, data.name) if part])
    place = _place(where, host, places)
    known = places.find(place)
    if known:
        return known
    guess = kinds.of_name(place.path.rpartition("/")[2])
    folder = place.path.rpartition("/")[0] if guess else place.path
    top, kind = root_of(folder or "/", [guess.kind] if guess else [data.kind or kinds.DATASET])
    if data.kind:
        kind = data.kind
    server = place.name[: len(place.name) - len(place.path)]
    return places.entity(kind, Place(place.on, server + top, top))


def _place(where: runs.Location, host: str, places: Places) -> Place:
    if where.server in ("s3", "gs", "gcs", "abfss", "wasbs"):
        bucket, _, rest = where.path.partition("/")
        path = f"/{rest}" if rest else ""
        return Place((ids.storage(where.server, bucket),), f"{where.server}:{bucket}{path}", path or "/")
    if where.server:
        return places.on_server(where.server, where.path)
    return places.of(host, where.path) if host else places.anywhere(where.path)
