"""`/sys/class/infiniband`: one tiny file per value, or all of them in one listing.

        mlx5_0/fw_ver: 28.41.1000     mlx5_0/ports/1/link_layer: InfiniBand     …/ports/1/pkeys/0: 0xffff

`place` tells what a path speaks of; `gather` puts the values together. The listing is what
`grep -H .` prints: `path:value` lines.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.ibnet.values import key

_DEVICE = r"((?:mlx\d|hfi\d|bnxt_re|efa|irdma|qedr|hns|rxe|siw|ib[ps]|rocep?|ocrdma|cxgb\d)[A-Za-z0-9_.-]{0,40})"
_PLACE = re.compile(
    rf"(?:\A|/){_DEVICE}/(?:(fw_ver|hca_type|board_id|node_guid|sys_image_guid|node_desc|node_type|hw_rev)"
    r"|ports/(\d{1,3})/(link_layer|rate|state|phys_state|lid|sm_lid|lid_mask_count|sm_sl|cap_mask|has_smi"
    r"|pkeys/\d{1,3}|gids/\d{1,3}|gid_attrs/(?:types|ndevs)/\d{1,3}|(?:hw_)?counters/\w{1,60}))\Z"
)
_GROUPS = re.compile(r"[0-9a-fA-F]{4}(?::[0-9a-fA-F]{4}){7}\Z")


class SysPort(msgspec.Struct, frozen=True):
    """One port. `guid` is 0 where neither its first GID nor the node GUID was captured.

    `link_layer` is InfiniBand or Ethernet, `prefix` the upper half of the first GID, `keys` 16-bit
    partition keys, `netdevs` the interfaces of its GIDs.
    """

    device: str
    port: int
    guid: int
    prefix: int
    link_layer: str
    state: str
    rate: str
    keys: tuple[int, ...]
    firmware: str
    board: str
    type: str
    netdevs: tuple[str, ...]


def place(path: str) -> tuple[str, int, str] | None:
    """(device, port or 0, value's name) of a path in the tree, or None."""
    match = _PLACE.search(path)
    if match is None:
        return None
    return match[1], int(match[3] or 0), match[2] or match[4]


def listing(data: bytes) -> Iterator[tuple[str, int, str, str, int]]:
    """(device, port, name, value, line) of `path:value` lines. Raises `InputError` at any other."""
    for number, line in safe.lines(data):
        if not line.strip() or (line.endswith(":0x0000") and "/pkeys/" in line):
            continue  # most entries of a table are empty
        path, colon, value = line.partition(":")
        found = place(path.strip())
        if not colon or found is None:
            raise InputError(
                f"not a value of /sys/class/infiniband: {line.strip()[:60]!r}",
                line=number,
                remedy="use the capture script's `grep -H . …` output",
            )
        yield (*found, value.strip(), number)


def gather(values: Iterable[tuple[str, int, str, str, int]]) -> tuple[SysPort, ...]:
    """The ports of one host. Raises `InputError` for a value that is not what its name says."""
    devices: dict[str, dict[str, str]] = {}
    ports: dict[tuple[str, int], dict[str, str]] = {}
    keys: dict[tuple[str, int], list[int]] = {}
    for device, port, name, value, line in values:
        if not port:
            devices.setdefault(device, {})[name] = value[:80]
            continue
        row = ports.setdefault((device, port), {})
        if name.startswith("pkeys/"):
            number = key(value, line)
            if number:
                keys.setdefault((device, port), []).append(number)
        elif "counters/" not in name:
            row[name] = value[:80]
    return tuple(
        _port(device, port, row, devices.get(device, {}), keys.get((device, port), []))
        for (device, port), row in ports.items()
    )


def _port(device: str, port: int, row: dict[str, str], about: dict[str, str], keys: list[int]) -> SysPort:
    gid = _hex(row.get("gids/0", ""))
    node = _hex(about.get("node_guid", "")) if port == 1 else 0
    ethernet = row.get("link_layer", "") == "Ethernet"
    netdevs = {value for name, value in row.items() if name.startswith("gid_attrs/ndevs/") and value}
    return SysPort(
        device,
        port,
        (node if ethernet else gid & (1 << 64) - 1 or node),
        gid >> 64,
        row.get("link_layer", ""),
        row.get("state", "").partition(":")[2].strip(),
        row.get("rate", ""),
        tuple(keys),
        about.get("fw_ver", ""),
        about.get("board_id", ""),
        about.get("hca_type", ""),
        tuple(sorted(netdevs)),
    )


def _hex(text: str) -> int:
    """A GID or GUID in groups of four digits; 0 for an empty one."""
    digits = text.replace(":", "")
    if not digits or len(digits) > 32 or not re.fullmatch(r"[0-9a-fA-F]+", digits):
        return 0
    return int(digits, 16)
