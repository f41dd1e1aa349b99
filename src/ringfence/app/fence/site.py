"""Which real parts the fence may drive from here: one TOML file, `fence.toml`.

    [[enforcer]]
    target = "nftables"                        # one of `DRIVERS`
    where = "host:login01"                     # the entity that loads its artefact; what else the target needs follows

    [[enforcer]]
    target = "nftables"
    where = "*"                                # every host of the estate that has this target and no table of its own
    orders = "/etc/ringfence/server"           # by signed orders, through `ringfence fence serve` on this machine

    [[enforcer]]
    target = "quarantine"
    where = "network:ib/lab"                   # a fabric has no enforcer of its own:
    host = "host:ibm"                          # that of the host beside its subnet manager does it
    orders = "/etc/ringfence/server"

Without the file nothing can be changed: `plan` and `prove` need none.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from ringfence.app.fence.drivers import DRIVERS, ordered
from ringfence.enforce.base import Enforcer
from ringfence.errors import InputError, RingfenceError, UsageError
from ringfence.segment.fabrics import entity
from ringfence.segment.inventory import Inventory
from ringfence.store import plain

Places = Iterable[tuple[str, str]]
"""(target, where)."""


class _Ordered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of hosts that are reached by orders."""

    target: str
    where: str
    orders: str
    timeout: float = 30.0
    host: str = ""


def enforcers_of(file: Path, inventory: Inventory, also: Places = ()) -> dict[tuple[str, str], Enforcer]:
    """The enforcers that a site file names, by (target, where). `also`: places that `*` stands for beside the estate's.

    Raises `InputError` with the table's number.
    """
    there = _there(inventory) | {where for _, where in also}
    found: dict[tuple[str, str], Enforcer] = {}
    rest: list[_Ordered] = []
    for number, table in enumerate(_tables(file), 1):
        place = f"{file}: enforcer {number} ({table['target']} on {table['where']})"
        made = _made(place, table, inventory)
        if isinstance(made, _Ordered):
            rest.append(made)
        elif (made.target, made.where) in found:
            raise InputError(f"{place}: {made.target} on {made.where} is named twice")
        elif made.where not in there:
            told = "write it as the estate does, collect again, or take the table out"
            raise InputError(f"{place}: the estate does not know {made.where}", remedy=told)
        else:
            found[made.target, made.where] = made
    known = [*also, *((target, where) for target, all_ in inventory.enforcers.items() for where in all_)]
    for one in rest:
        for target, where in known:
            if target == one.target and (target, where) not in found:
                found[target, where] = ordered(target, where, one.orders, one.timeout, one.host)
    return found


def _tables(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        tables = tomllib.loads(plain.read(file, remedy="name the site file with --site").decode("utf-8"))
        tables = tables.get("enforcer", [])
    except UsageError as error:
        raise InputError(error.what, remedy=error.remedy) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: {error}", remedy="the file is TOML; see docs/design/fence.md") from None
    if not isinstance(tables, list) or not tables:
        raise InputError(f"{file} names no enforcer", remedy="begin with [[enforcer]]")
    for number, table in enumerate(tables, 1):
        if not isinstance(table, dict) or not all(isinstance(table.get(name), str) for name in ("target", "where")):
            told = 'target = "nftables", where = "host:login01"'
            raise InputError(f"{file}: enforcer {number}: target and where are missing", remedy=told)
        yield table


def _made(place: str, table: Mapping[str, Any], inventory: Inventory) -> Enforcer | _Ordered:
    """The enforcer of one table, or the order that stands for all of its target."""
    target, where = table["target"], table["where"]
    try:
        if "orders" in table:
            one = msgspec.convert(table, _Ordered)
            return one if where == "*" else ordered(target, where, one.orders, one.timeout, one.host)
        if target not in DRIVERS:
            raise InputError(f"no enforcer drives {target!r}", remedy=f"one of {', '.join(DRIVERS)}")
        rest = {name: value for name, value in table.items() if name not in ("target", "where")}
        known = get_type_hints(DRIVERS[target])
        for name in rest.keys() & known.keys():
            _checked(name, rest[name], known[name])
        return DRIVERS[target](where, inventory, **rest)
    except msgspec.ValidationError as error:
        raise InputError(f"{place}: {error}", remedy="docs/design/fence.md") from None
    except TypeError as error:
        raise InputError(f"{place}: {str(error).partition(') ')[2] or error}", remedy="docs/design/fence.md") from None
    except RingfenceError as error:
        raise InputError(f"{place}: {error.what}", remedy=error.remedy) from None


def _checked(name: str, value: object, type_: Any) -> None:
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {error}", remedy="docs/design/fence.md") from None


def _there(inventory: Inventory) -> set[str]:
    """Entities on which the estate knows something that a fence could be put in force at."""
    places = {where for all_ in inventory.enforcers.values() for where in all_}
    fabrics = {one for fabric in inventory.fabrics.values() for one in (entity(fabric), *fabric.managers)}
    clusters = {f"cluster:{pod.partition(':')[2].partition('/')[0]}" for pod in inventory.pods}  # by what runs there
    return places | fabrics | clusters | set(inventory.host_of.values()) | set(inventory.addresses)
