"""Which real parts the fence may drive from here: one TOML file, `fence.toml`.

    [[enforcer]]
    target = "opensm"                          # one of `ENFORCERS`
    where = "host:sm01"                        # the entity whose artefact it loads
    file = "/etc/opensm/partitions.conf"       # what else the target needs
    pid_file = "/run/opensm.pid"

Without the file nothing can be changed: `plan` and `prove` need none.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ringfence.app.fence.drivers import DRIVERS
from ringfence.enforce.base import Enforcer
from ringfence.errors import InputError, RingfenceError


def enforcers_of(file: Path) -> dict[tuple[str, str], Enforcer]:
    """The enforcers that a site file names, by (target, where). Raises `InputError` with the table's number."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8")).get("enforcer", [])
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", remedy="name the site file with --site") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: {error}", remedy="the file is TOML; see docs/design/fence.md") from None
    if not isinstance(tables, list) or not tables:
        raise InputError(f"{file} names no enforcer", remedy="begin with [[enforcer]]")
    found: dict[tuple[str, str], Enforcer] = {}
    for number, table in enumerate(tables, 1):
        enforcer = _driver(file, number, table)
        if (enforcer.target, enforcer.where) in found:
            raise InputError(f"{file}: enforcer {number}: {enforcer.target} on {enforcer.where} is named twice")
        found[enforcer.target, enforcer.where] = enforcer
    return found


def _driver(file: Path, number: int, table: Any) -> Enforcer:
    place = f"{file}: enforcer {number}"
    if not isinstance(table, dict) or not all(isinstance(table.get(name), str) for name in ("target", "where")):
        raise InputError(f"{place}: target and where are missing", remedy='target = "nftables", where = "host:login01"')
    rest: Mapping[str, Any] = {name: value for name, value in table.items() if name not in ("target", "where")}
    make: Callable[..., Enforcer] | None = DRIVERS.get(table["target"])
    if make is None:
        raise InputError(f"{place}: no enforcer drives {table['target']!r}", remedy=f"one of {', '.join(DRIVERS)}")
    try:
        return make(table["where"], **rest)
    except TypeError as error:
        raise InputError(f"{place}: {str(error).partition(') ')[2] or error}", remedy="docs/design/fence.md") from None
    except RingfenceError as error:
        raise InputError(f"{place}: {error.what}", remedy=error.remedy) from None
