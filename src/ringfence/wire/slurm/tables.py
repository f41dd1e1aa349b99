"""Parsable output (`-P`) of `sacctmgr`, `sacct` and `sreport`: columns between bars, named by the first line."""

from collections.abc import Iterator

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.slurm.values import Association, Person, Usage, gpus, words

_REMEDY = "capture it with -P and without --noheader"


class Table(msgspec.Struct, frozen=True):
    """What a table says; most of it is empty for any one table."""

    associations: tuple[Association, ...] = ()
    people: tuple[Person, ...] = ()
    accounts: tuple[str, ...] = ()
    usage: tuple[Usage, ...] = ()
    cluster: str = ""


def sacctmgr(data: bytes) -> Table:
    """`sacctmgr -P show assoc|user|account`, with or without coordinators."""
    associations: list[Association] = []
    people: list[Person] = []
    accounts: list[str] = []
    for row in _rows(data):
        user, account = row.get("User", ""), row.get("Account", "")
        level = row.get("Admin", row.get("AdminLevel", row.get("Admin Level", ""))).strip().lower()
        coordinated = row.get("Coord Accounts", row.get("Coord", row.get("Coordinators", "")))
        if user and (level or "Coord" in "".join(row)) and "Share" not in row:
            grade = "administrator" if level.startswith("admin") else "operator" if level.startswith("oper") else "none"
            people.append(Person(user, grade, words(coordinated)))
        elif account and coordinated and not user:
            people.extend(Person(name, "none", (account,)) for name in words(coordinated))
        if account:
            accounts.append(account)
            if "Cluster" in row or user:
                parent = row.get("ParentName", row.get("Par Name", ""))
                associations.append(
                    Association(row.get("Cluster", ""), account, user, row.get("Partition", ""), parent)
                )
    return Table(tuple(associations), tuple(people), tuple(dict.fromkeys(accounts)), (), _only(associations))


def _only(rows: list[Association]) -> str:
    """The cluster, where all rows name one."""
    names = {row.cluster for row in rows}
    return names.pop() if len(names) == 1 else ""


def sacct(data: bytes) -> Table:
    """`sacct -P` with JobID, User, Account, AllocTRES and ElapsedRaw (or Elapsed): hours by account and user."""
    hours: dict[tuple[str, str, str], float] = {}
    for row in _rows(data):
        if "." in row.get("JobID", ""):
            continue  # a step: its job's line has the hours
        seconds = _seconds(row.get("ElapsedRaw") or row.get("Elapsed", ""))
        count = _tres_gpus(row.get("AllocTRES", ""))
        if seconds and count:
            key = (row.get("Cluster", ""), row.get("Account", ""), row.get("User", ""))
            hours[key] = hours.get(key, 0.0) + seconds * count / 3600
    usage = tuple(Usage(cluster, account, user, used) for (cluster, account, user), used in hours.items())
    return Table(usage=usage, cluster=_cluster(usage))


def _tres_gpus(text: str) -> int:
    """GPUs of `billing=8,cpu=8,gres/gpu:h100=8,gres/gpu=8`: the untyped total counts, else the typed ones."""
    plain = [part for part in text.split(",") if part.startswith("gres/gpu=")]
    return gpus(",".join(plain) or ",".join(part for part in text.split(",") if part.startswith("gres/gpu:")))


def _seconds(text: str) -> float:
    """`86400` or `1-02:03:04`; 0 where it is neither."""
    days, dash, rest = text.strip().rpartition("-")
    parts = rest.split(":")
    if not all(part.isdigit() and len(part) < 10 for part in parts) or (
        dash and not (days.isdigit() and len(days) < 8)
    ):
        return 0.0
    total = 0.0
    for part in parts[-3:]:
        total = total * 60 + int(part)
    return total + (int(days) * 86400 if dash else 0)


def sreport(data: bytes) -> Table:
    """`sreport -P -T gres/gpu cluster AccountUtilizationByUser`, in the unit that its title names."""
    since = until = ""
    per_hour = 3600.0
    for _, line in safe.lines(data[:8192]):
        if " - " in line and "T" in line and "|" not in line:
            ends = [word for word in line.replace("(", " ").split() if word[:4].isdigit() and "T" in word]
            since, until = (ends[0], ends[1]) if len(ends) > 1 else (since, until)
        if "reported in" in line:
            per_hour = 3600.0 if "Hours" not in line and "Minutes" not in line else 1.0 if "Hours" in line else 60.0
    if not any("reported in" in line for _, line in safe.lines(data[:8192])):
        per_hour = 60.0
    rows = []
    for row in _rows(data):
        if row.get("TRES Name", "gres/gpu") != "gres/gpu":
            continue
        used = row.get("Used", "").replace(",", "")
        if used.replace(".", "", 1).isdigit() and len(used) < 18 and row.get("Account"):
            hours = float(used) / per_hour
            rows.append(Usage(row.get("Cluster", ""), row["Account"], row.get("Login", ""), hours, since, until))
    return Table(usage=tuple(rows), cluster=_cluster(rows))


def _cluster(rows: tuple[Usage, ...] | list[Usage]) -> str:
    names = {row.cluster for row in rows}
    return names.pop() if len(names) == 1 else ""


def _rows(data: bytes) -> Iterator[dict[str, str]]:
    """Rows as column → value. A row of another length is an error: something was cut."""
    columns: list[str] = []
    for number, line in safe.lines(data):
        if "|" not in line:
            if columns and line.strip():
                raise InputError("a row without bars", line=number, remedy=_REMEDY)
            continue
        cells = line.split("|")
        if not columns:
            columns = [cell.strip() for cell in cells]
            continue
        if cells[-1] == "" and len(cells) == len(columns) + 1:
            cells.pop()
        if len(cells) != len(columns):
            raise InputError(f"{len(cells)} columns instead of {len(columns)}", line=number, remedy=_REMEDY)
        yield dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    if not columns:
        raise InputError("no table", remedy=_REMEDY)
