"""Reservations and partitions: as `scontrol show reservation` prints them, and as `scontrol create` makes them.

A list of orders has one command to a line, `scontrol create reservation Key=Value …` or
`scontrol create PartitionName=… Key=Value …`; `#` begins a comment. Source: scontrol(1), tried on 22.05.
"""

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.slurm import hostlist
from ringfence.wire.slurm.values import Partition, Reservation, words

_REMEDY = "scontrol would refuse the line as well"


class Orders(msgspec.Struct, frozen=True):
    """What a list of commands makes."""

    partitions: tuple[Partition, ...] = ()
    reservations: tuple[Reservation, ...] = ()


def reservations(data: bytes) -> tuple[Reservation, ...]:
    """`scontrol -o show reservation`; none where Slurm says that there is none. Raises `InputError`."""
    return tuple(
        _reservation(_pairs(line.split(), number))
        for number, line in safe.lines(data)
        if line.strip() and not line.startswith("No reservations")
    )


def orders(data: bytes) -> Orders:
    """The partitions and reservations that commands make. Raises `InputError` for any other command."""
    partitions, kept = {}, {}
    for number, line in safe.lines(data):
        tokens = line.partition("#")[0].split()
        if not tokens:
            continue
        if tokens[:2] != ["scontrol", "create"] or len(tokens) < 3:
            raise InputError("not a `scontrol create …`", line=number, remedy=_REMEDY)
        row = _pairs(tokens[3:] if tokens[2] == "reservation" else tokens[2:], number)
        if "reservationname" in row:
            kept[row["reservationname"]] = _reservation(row)
        else:
            partitions[row.get("partitionname", "")] = _partition(row, number)
    return Orders(tuple(partitions.values()), tuple(kept.values()))


def _pairs(tokens: list[str], number: int) -> dict[str, str]:
    row: dict[str, str] = {}
    for token in tokens:
        key, equals, value = token.partition("=")
        if not equals or key.lower() in row:
            raise InputError(f"{token[:60]!r} is no Key=Value, or stands twice", line=number, remedy=_REMEDY)
        row[key.lower()] = "" if value in ("(null)", "N/A") else value
    try:
        hostlist.check(row.get("nodes", ""))
    except InputError as error:
        raise InputError(error.what, line=number, remedy=error.remedy) from None
    return row


def _reservation(row: dict[str, str]) -> Reservation:
    return Reservation(
        row.get("reservationname", ""),
        row.get("nodes", ""),
        words(row.get("accounts", "")),
        words(row.get("users", "")),
        words(row.get("flags", "")),
        row["state"] == "ACTIVE" if "state" in row else _lasts(row),
    )


def _lasts(row: dict[str, str]) -> bool:
    """Whether one that is made now stands at once, and does not end by itself."""
    ends = row.get("duration", "UNLIMITED").upper() not in ("UNLIMITED", "INFINITE") or "endtime" in row
    return row.get("starttime", "now").lower() == "now" and not ends


def _partition(row: dict[str, str], number: int) -> Partition:
    if not row.get("partitionname"):
        raise InputError("makes neither a reservation nor a partition", line=number, remedy=_REMEDY)
    over = row.get("oversubscribe", "NO").upper().partition(":")[0]
    return Partition(
        row["partitionname"],
        row.get("nodes", ""),
        words(row.get("allowaccounts", "")),
        words(row.get("denyaccounts", "")),
        words(row.get("allowgroups", "")),
        over,
        over == "EXCLUSIVE" or row.get("exclusiveuser", "NO").upper() == "YES",
    )
