"""JSON of slurmrestd (v0.0.38 to v0.0.46) and of `sinfo`, `squeue`, `scontrol`, `sacctmgr --json`.

The document says itself what it holds and which version wrote it. Versions differ in form, not in
meaning: a number is plain or `{set, infinite, number}`, a state one word or a list of them; so
every such field admits both. Fields that nobody needs are not decoded.
Sources: the OpenAPI documents of Slurm 24.05 and 25.11; answers of slurmrestd 22.05.
"""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.slurm import rest_shapes as shapes
from ringfence.wire.slurm.values import Association, Job, Node, Partition, Person, Usage, image_of, jobs_before


class Reservation(msgspec.Struct, frozen=True):
    """Nodes kept for some users or accounts."""

    name: str
    nodes: str
    users: tuple[str, ...]
    accounts: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True):
    """What one document says. `version` is the data parser's (`v0.0.41`), `release` Slurm's own.

    `served` is `host:port` where slurmrestd answered on TCP. `errors` are what the server could
    not tell: the rest still counts.
    """

    version: str = ""
    release: str = ""
    cluster: str = ""
    served: str = ""
    nodes: tuple[Node, ...] = ()
    jobs: tuple[Job, ...] = ()
    partitions: tuple[Partition, ...] = ()
    associations: tuple[Association, ...] = ()
    people: tuple[Person, ...] = ()
    qos: tuple[str, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    controllers: tuple[str, ...] = ()
    usage: tuple[Usage, ...] = ()
    errors: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()


_TABLES = (
    "nodes",
    "jobs",
    "partitions",
    "sinfo",
    "accounts",
    "associations",
    "users",
    "qos",
    "QOS",
    "reservations",
    "pings",
)
_VERSION = re.compile(r"v0\.0\.[0-9]{1,3}")
_TCP = re.compile(r"\A\[?([A-Za-z0-9_.:\-]{1,255}?)\]?:([0-9]{1,5})\(fd:[0-9]{1,9}\)")


def read(data: bytes) -> Answer:
    """One answer. Raises `InputError` where it is no Slurm answer or of another shape."""
    document: shapes.Document = safe.json(data, shapes.Document)
    holds = tuple(name for name in _TABLES if getattr(document, name) is not None)
    if not holds and not document.errors:
        raise InputError("JSON without any table of Slurm", remedy="capture sinfo --json, squeue --json or slurmrestd")
    meta = document.meta or shapes.Meta()
    slurm = meta.slurm or meta.Slurm or shapes.Release()
    plugin = meta.plugin or shapes.Plugin()
    stated = _VERSION.search(plugin.data_parser or "") or _VERSION.search(plugin.type or "")
    tcp = _TCP.fullmatch((meta.client.source if meta.client else "") or "")
    jobs = document.jobs or []
    named = {row.cluster for row in jobs if row.cluster} | {
        row.cluster for row in document.associations or [] if row.cluster
    }
    cluster = slurm.cluster or (named.pop() if len(named) == 1 else "")
    return Answer(
        version=stated[0] if stated else "",
        release=slurm.release or "",
        cluster=cluster,
        served=f"{tcp[1]}:{tcp[2]}" if tcp else "",
        nodes=(*(_node(node) for node in document.nodes or []), *_sinfo_nodes(document.sinfo or [])),
        jobs=tuple(_job(job) for job in jobs),
        partitions=(
            *(_partition(row) for row in document.partitions or []),
            *_sinfo_partitions(document.sinfo or []),
        ),
        associations=tuple(_association(row) for row in document.associations or []),
        people=(*(_person(row) for row in document.users or []), *_coordinators(document.accounts or [])),
        qos=tuple(row.name for row in (document.qos or document.QOS or [])),
        reservations=tuple(_reservation(row) for row in document.reservations or []),
        controllers=tuple(row.hostname for row in document.pings or [] if row.hostname),
        usage=_usage(jobs),
        errors=tuple(_told(error) for error in document.errors or []),
        holds=holds,
    )


def _told(error: shapes.Error) -> str:
    return ": ".join(part for part in (error.source, error.description or error.error) if part) or "an unnamed error"


def _words(words: shapes.Words) -> tuple[str, ...]:
    if not words:
        return ()
    return tuple(words) if isinstance(words, list) else tuple(part for part in words.split(",") if part)


def _number(count: shapes.Count) -> float | None:
    """The number, or None where it is unset, infinite or no number."""
    if isinstance(count, shapes.Number):
        return count.number if count.set and not count.infinite else None
    if isinstance(count, str):
        return float(count) if count.isdigit() and len(count) < 20 else None
    return count


def _capitals(*states: shapes.Words) -> tuple[str, ...]:
    return tuple(word.upper() for state in states for word in _words(state))


def _node(row: shapes.Node) -> Node:
    return Node(
        row.name,
        row.hostname or "",
        row.gres or "",
        _words(row.features),
        _words(row.partitions),
        _capitals(row.state, row.state_flags),
        row.version or row.slurmd_version or "",
    )


def _sinfo_nodes(rows: list[shapes.Sinfo]) -> tuple[Node, ...]:
    return tuple(
        Node(
            name,
            gres=(row.gres.total if row.gres else "") or "",
            features=_words((row.features.total if row.features else "") or ""),
            partitions=(row.partition.name,) if row.partition and row.partition.name else (),
            states=_capitals(row.node.state if row.node else None),
        )
        for row in rows
        for name in (row.nodes.nodes if row.nodes else None) or []
    )


def _sinfo_partitions(rows: list[shapes.Sinfo]) -> tuple[Partition, ...]:
    """Each partition once, though `sinfo` repeats it on every line."""
    named = {row.partition.name: row.partition for row in rows if row.partition and row.partition.name}
    return tuple(_partition(row) for row in named.values())


def _job(row: shapes.Job) -> Job:
    number = _number(row.job_id)
    state = row.state.current if isinstance(row.state, shapes.DbState) else row.state
    uid = _number(row.user_id)
    comment = row.comment if isinstance(row.comment, str) else ""
    return Job(
        number=str(int(number)) if number is not None else "0",
        user=row.user_name or row.user or (f"uid-{int(uid)}" if uid is not None else ""),
        account=row.account or "",
        partition=row.partition or "",
        states=_capitals(row.job_state, state),
        nodes=row.nodes or "",
        gres=tuple(row.gres_detail) if isinstance(row.gres_detail, list) else (),
        cluster=row.cluster or "",
        image=image_of(row.container or "", comment, row.submit_line or ""),
        depends=jobs_before(row.dependency or ""),
        uses_imex="imex" in (row.network or "").lower(),
    )


def _partition(row: shapes.Partition) -> Partition:
    nodes = row.nodes.configured if isinstance(row.nodes, shapes.PartitionNodes) else row.nodes
    accounts, groups = row.accounts or shapes.Limits(), row.groups or shapes.Limits()
    over = _oversubscribe(row)
    return Partition(
        row.name,
        nodes or "",
        _named(accounts.allowed or row.allowed_accounts),
        _named(accounts.deny or row.denied_accounts),
        _named(groups.allowed or row.allowed_groups),
        over,
        over == "EXCLUSIVE" or any("EXCLUSIVE" in flag.upper() for flag in _words(row.flags)),
    )


def _named(text: str | None) -> tuple[str, ...]:
    return tuple(word for word in _words(text) if word != "ALL")


def _oversubscribe(row: shapes.Partition) -> str:
    """Slurm counts the jobs that may share: 0 means the whole node, a `force` flag that all must.

    "" where the answer leaves it out, as v0.0.38 does.
    """
    over = (row.maximums.oversubscribe if row.maximums else None) or shapes.Over(row.max_share)
    if over.jobs is None and not over.flags:
        return ""
    if any("force" in flag.lower() for flag in _words(over.flags)):
        return "FORCE"
    jobs = _number(over.jobs)
    if jobs == 0:
        return "EXCLUSIVE"
    return "YES" if jobs is not None and jobs > 1 else "NO"


def _association(row: shapes.Assoc) -> Association:
    return Association(
        row.cluster or "", row.account or "", row.user or "", row.partition or "", row.parent_account or ""
    )


def _person(row: shapes.User) -> Person:
    level = next((word.lower() for word in _words(row.administrator_level)), "none")
    coordinated = tuple(account.name for account in row.coordinators or [])
    return Person(row.name, level if level in ("operator", "administrator") else "none", coordinated)


def _coordinators(rows: list[shapes.Account]) -> tuple[Person, ...]:
    return tuple(Person(who.name, "none", (row.name,)) for row in rows for who in row.coordinators or [])


def _reservation(row: shapes.Reservation) -> Reservation:
    return Reservation(row.name, row.node_list or "", _named(row.users), _named(row.accounts))


def _usage(rows: list[shapes.Job]) -> tuple[Usage, ...]:
    """GPU hours of accounting jobs: allocated `gres/gpu` times elapsed seconds, summed per account and user."""
    hours: dict[tuple[str, str, str], float] = {}
    for row in rows:
        elapsed = _number(row.time.elapsed) if row.time else None
        allocated = (row.tres.allocated if row.tres else None) or []
        count = sum(_number(tres.count) or 0 for tres in allocated if tres.type == "gres" and tres.name == "gpu")
        if elapsed and count:
            key = (row.cluster or "", row.account or "", row.user or "")
            hours[key] = hours.get(key, 0.0) + elapsed * count / 3600
    return tuple(Usage(cluster, account, user, used) for (cluster, account, user), used in hours.items())
