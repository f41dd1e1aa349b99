"""One Slurm file's value → facts, knowing what the cluster's other files say."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from ringfence.collect import slurm_conf, slurm_keys, slurm_people
from ringfence.collect.base import Found, Scope, asked
from ringfence.collect.slurm_state import SOFTWARE, Names, Place, aliases, jobs, nodes, partitions
from ringfence.errors import Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.wire.slurm.conf import Config
from ringfence.wire.slurm.rest import Answer, Reservation
from ringfence.wire.slurm.show import Shown
from ringfence.wire.slurm.small import Cgroup, Database, Gres, Keys, Offered, Topology
from ringfence.wire.slurm.tables import Table
from ringfence.wire.slurm.values import Association, Job, Node, Partition, gpu_names

MOST_GPUS = 100_000
"""Labels of device files that one gres.conf may give."""


class About(msgspec.Struct, frozen=True):
    """What all files together say of one cluster.

    `enforced`: only users with an association may submit. `controllers` are the hosts of slurmctld;
    `partly` names those of the aspects whose file had lines that could not be read.
    `untold` partitions may or may not share nodes, of `told` ones some file says it; `answered` are the coverage
    aspects that some file answers.
    """

    place: Place
    configs: tuple[Config, ...] = ()
    enforced: bool = False
    whole_nodes: bool = False
    accounts: tuple[str, ...] = ()
    parents: tuple[tuple[str, str], ...] = ()
    controllers: tuple[str, ...] = ()
    keys: tuple[tuple[str, Keys], ...] = ()
    nodes: tuple[Node, ...] = ()
    untold: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    answered: frozenset[str] = frozenset()
    include_names: frozenset[str] = frozenset()
    partly: frozenset[str] = frozenset()
    jobs_whole: bool = False
    """Of every running job account and accelerators were told."""

    @classmethod
    def of(cls, cluster: str, scope: Scope, read: Sequence[tuple[str, str, Any]]) -> "About":
        """From (format, path, value) of every file."""
        configs = tuple(value for _, _, value in read if isinstance(value, Config))
        rows = [row for _, _, value in read for row in _associations(value)]
        accounts = dict.fromkeys(row.account for row in rows if row.account)
        said = " ".join(config.get("AccountingStorageEnforce") for config in configs).lower()
        select = " ".join(config.get("SelectType") for config in configs).lower()
        place = Place(scope, cluster)
        return cls(
            place,
            configs,
            any(word in said for word in ("associations", "limits", "qos", "safe", "wckeys", "all", "1")),
            "select/linear" in select,
            tuple(accounts),
            tuple((row.account, row.parent) for row in rows if row.parent and not row.user),
            tuple(dict.fromkeys(_controllers(read, place))),
            tuple((path, value) for _, path, value in read if isinstance(value, Keys)),
            tuple(row for _, _, value in read if isinstance(value, (Answer, Shown)) for row in value.nodes),
            *_untold(value for _, _, value in read),
            frozenset(_ASPECTS[form] for form, _, _ in read if form in _ASPECTS) | _of_jobs(read),
            frozenset(path.rpartition("/")[2] for _, path, _ in read),
            frozenset(_ASPECTS[form] for form, _, value in read if isinstance(value, Config) and value.unread),
            all(_told(row) for _, _, value in read if isinstance(value, (Answer, Shown)) for row in value.jobs),
        )


def _told(row: Job) -> bool:
    """Whether a job that runs says for whom, and on which accelerators (no text at all is no answer)."""
    numbered = bool(row.gres) and all(gpu_names(text) or "gpu" not in text for text in row.gres)
    return not row.runs or (bool(row.account) and numbered)


def _of_jobs(read: Sequence[tuple[str, str, Any]]) -> frozenset[str]:
    """Whether some answer lists jobs. One without any says nothing: it may have been refused."""
    listed = any(value.jobs for _, _, value in read if isinstance(value, (Answer, Shown)))
    return frozenset(("jobs",) if listed else ())


def _untold(values: Iterable[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Partitions of which no file says whether jobs of two users may meet on a node, and the others."""
    rows = [row for value in values if isinstance(value, (Answer, Shown, Config)) for row in value.partitions]
    told = {row.name for row in rows if row.oversubscribe}
    return tuple(sorted({row.name for row in rows} - told - {""})), tuple(sorted(told - {""}))


_ASPECTS = {"slurm-conf": "slurm-conf", "config-text": "slurm-conf", "cgroup-conf": "cgroup-conf"}


def _associations(value: Any) -> Sequence[Association]:
    return value.associations if isinstance(value, (Answer, Table)) else ()


def _controllers(read: Sequence[tuple[str, str, Any]], place: Place) -> Iterator[str]:
    for _, _, value in read:
        if isinstance(value, Config):
            yield from (place.host(name) for name, _ in slurm_conf.controllers(value))
        elif isinstance(value, Answer):
            yield from (place.host(name) for name in value.controllers)


def facts(form: str, value: Any, path: str, about: About) -> Iterator[Found]:
    """The facts of one file."""
    yield from _FACTS[type(value)](form, value, path, about)


def together(about: About) -> Iterator[Fact]:
    """What only the files together say: who answered, and what the cluster leaves open."""
    yield from aliases(about.nodes, about.place, about.controllers)
    for name in about.untold:
        yield asked(about.place.partition(name), "oversubscribe", answered=False, reason="this version does not tell")
    for name in about.told:
        yield asked(about.place.partition(name), "oversubscribe", answered=True)
    if "jobs" in about.answered:
        yield asked(about.place.entity, "jobs", answered=True, complete=about.jobs_whole)
    for aspect in ("slurm-conf", "cgroup-conf"):
        answered = aspect in about.answered
        why = "lines of it could not be read" if aspect in about.partly else "" if answered else "not captured"
        yield asked(about.place.entity, aspect, answered=answered, complete=False, reason=why)


def _answer(form: str, value: Answer, path: str, about: About) -> Iterator[Found]:
    place = about.place
    for error in value.errors:
        yield Problem(path, 0, f"Slurm could not tell: {ids.clean(error)}", "ask again with more rights")
    if value.release:
        yield Fact(place.entity, "runs_software", SOFTWARE, {"version": ids.clean(value.release)})
    if value.version:
        yield Fact(place.entity, "setting", f"rest={value.version}")
    yield from slurm_conf.restd(value.served, place)
    yield from nodes(value.nodes, place)
    yield from jobs(value.jobs, place)
    yield from _partitions(value.partitions, about)
    yield from slurm_people.associations(value.associations, place)
    yield from slurm_people.people(value.people, place, about.parents)
    yield from slurm_people.usage(value.usage, place)
    for host in value.controllers:
        yield from slurm_conf.control(place.host(host), place)
    for reservation in value.reservations:
        yield from _reserved(reservation, place)


def _reserved(row: Reservation, place: Place) -> Iterator[Fact]:
    """Nodes kept for some: a label, since a reservation ends by itself."""
    for host in Names()(row.nodes) if row.nodes else ():
        yield Fact(place.host(host), "labelled", f"reservation={ids.clean(row.name)}")


def _partitions(rows: Sequence[Partition], about: About) -> Iterator[Fact]:
    if about.whole_nodes:
        rows = [msgspec.structs.replace(row, exclusive=row.oversubscribe not in ("FORCE", "")) for row in rows]
    yield from partitions(rows, about.place, about.accounts if about.enforced else ())


def _shown(form: str, value: Shown, path: str, about: About) -> Iterator[Found]:
    for line in value.doubtful:
        yield Problem(
            path, line, "a record says one thing twice", "a name or comment imitates Slurm's keys; use the JSON"
        )
    yield from nodes(value.nodes, about.place)
    yield from jobs(value.jobs, about.place)
    yield from _partitions(value.partitions, about)


def _config(form: str, value: Config, path: str, about: About) -> Iterator[Found]:
    for line, why in value.unread:
        yield Problem(path, line, why, "this line was left out; slurmctld would refuse it as well")
    for include in value.includes:
        if include.rpartition("/")[2] not in about.include_names and "*" not in include:
            yield Problem(path, 0, f"includes {ids.clean(include)}, which is not in the capture", "copy that file too")
    yield from slurm_conf.settings(value, about.place)
    whole = msgspec.structs.replace(value, partitions=tuple(slurm_conf.resolved(value, about.configs)))
    yield from slurm_conf.planned_nodes(value, about.place)
    yield from _partitions(whole.partitions, about)


def _cgroup(form: str, value: Cgroup, path: str, about: About) -> Iterator[Found]:
    subject = about.place.scope.host_of(path) if "hosts/" in path else about.place.entity
    yield from slurm_conf.constrained(subject, value)


def _gres(form: str, value: Gres, path: str, about: About) -> Iterator[Found]:
    if value.autodetect:
        yield Fact(about.place.entity, "setting", f"GresAutoDetect={ids.clean(value.autodetect).lower()}")
    names = Names()
    own = about.place.scope.host_of(path) if "hosts/" in path else ""
    for where, kind, type_, _ in islice(value.lines, MOST_GPUS):
        hosts = [about.place.host(name) for name in names(where)] if where else [own] if own else []
        for host in hosts:
            if kind == "gpu" and type_:
                yield Fact(host, "labelled", f"gpu_type={ids.clean(type_)}")
            elif kind in ("mps", "shard"):
                yield Fact(host, "setting", f"gres={kind}")


def _database(form: str, value: Database, path: str, about: About) -> Iterator[Found]:
    yield from slurm_keys.database(value, path, about.place)


def _keys(form: str, value: Keys, path: str, about: About) -> Iterator[Found]:
    yield asked(about.place.scope.host_of(path), "scheduler-key", answered=True)
    yield from slurm_keys.keys(value, path, about.place, slurm_keys.current(about.keys, about.controllers, about.place))


def _topology(form: str, value: Topology, path: str, about: About) -> Iterator[Found]:
    """Which leaf switch or block a host hangs on, as labels."""
    if value.kind:
        yield Fact(about.place.entity, "setting", f"topology={value.kind}")
    names = Names()
    for group, (hosts, _) in value.groups.items():
        for host in names(hosts) if hosts and hosts != "ALL" else ():
            yield Fact(about.place.host(host), "labelled", f"topology={ids.clean(group)}")


def _offered(form: str, value: Offered, path: str, about: About) -> Iterator[Found]:
    for version in value.versions:
        yield Fact(about.place.entity, "setting", f"rest={version}")


def _table(form: str, value: Table, path: str, about: About) -> Iterator[Found]:
    yield from slurm_people.associations(value.associations, about.place)
    yield from slurm_people.people(value.people, about.place, about.parents)
    yield from slurm_people.usage(value.usage, about.place)


_FACTS: dict[type, Callable[[str, Any, str, About], Iterator[Found]]] = {
    Answer: _answer,
    Shown: _shown,
    Config: _config,
    Cgroup: _cgroup,
    Gres: _gres,
    Database: _database,
    Keys: _keys,
    Topology: _topology,
    Offered: _offered,
    Table: _table,
}
