"""`inventory.toml`: what no tool can be asked, stated by the user (docs/inventory.md)."""

import re
import tomllib
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_MARK = re.compile(rb"(?m)^[ \t]*inventory[ \t]*=[ \t]*1[ \t]*(?:#.*)?$")


class Workstation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's own machine. `keys` are public halves of SSH keys that lie there unprotected."""

    name: str
    people: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    outside: bool = False


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subnet, what it may send to, and whether it has a way out."""

    name: str
    routes_to: tuple[str, ...] = ()
    outside: bool = False
    mbit_s: int = 0
    zone: str = ""


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A zone, rack or tenant with its hosts (`gpu[001-100]`), and for tenants its accounts."""

    name: str
    hosts: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


class Federated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accounts that one sign-on serves."""

    accounts: tuple[str, ...]


class Jewel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entity that must not be reached."""

    entity: str
    reason: str = "marked by the user"
    value: float = 0.0


class SigningKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key of Ringfence that orders are signed with, and where it lies."""

    host: str
    path: str
    readable_by: str = "root"


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ringfence's own server: the hosts or clusters that obey it or report to it."""

    server: str
    port: int = 8443
    enforces: tuple[str, ...] = ()
    watches: tuple[str, ...] = ()
    signing_keys: tuple[SigningKey, ...] = ()


class Inventory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    inventory: int
    workstation: tuple[Workstation, ...] = ()
    network: tuple[Network, ...] = ()
    zone: tuple[Place, ...] = ()
    rack: tuple[Place, ...] = ()
    tenant: tuple[Place, ...] = ()
    federated: tuple[Federated, ...] = ()
    jewel: tuple[Jewel, ...] = ()
    ringfence: Server | None = None


def looks_like(head: bytes) -> bool:
    """Whether it says `inventory = 1` and is no other format's file."""
    return bool(_MARK.search(head))


def inventory(data: bytes) -> Inventory:
    """The file as a value. Unknown names are refused, so that a slip of the pen is seen. Raises `InputError`."""
    try:
        table: dict[str, Any] = tomllib.loads(safe.bounded(data).decode("utf-8"))
        return msgspec.convert(table, Inventory)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        raise InputError(f"not TOML: {error}", line=int(at[1]) if at else 0, remedy="see docs/inventory.md") from None
    except msgspec.ValidationError as error:
        raise InputError(f"not of the shape of an inventory: {error}", remedy="see docs/inventory.md") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"not TOML: {safe.type_name(error)}", remedy="see docs/inventory.md") from None
