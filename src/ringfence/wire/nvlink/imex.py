"""IMEX: which hosts share GPU memory over NVLink (`nodes_config.cfg`), how its daemon is set
(`config.cfg`, called imexd.cfg in older releases), and which channels a host has.

Source of the keys: the comments in the configuration file that the package installs.
"""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_NODE = re.compile(r"^[0-9A-Za-z][0-9A-Za-z.:-]{0,252}$")
_PAIR = re.compile(r"^([A-Z][A-Z0-9_]{1,80})=(.*)$")
_CHANNEL = re.compile(r"^c([rwxst-]{9})[.+@]?\s.*\schannel(\d{1,6})$")
MOST_NODES = 4096


class Channel(msgspec.Struct, frozen=True):
    """One channel device; `open` if accounts other than owner and group may read and write it."""

    number: int
    open: bool


def nodes(data: bytes) -> tuple[str, ...]:
    """Addresses or names of the domain's nodes, in the file's order (it numbers them)."""
    found: list[str] = []
    for number, line in safe.lines(data):
        text = line.partition("#")[0].strip()
        if text and not _NODE.match(text):
            raise InputError("not an address or a host name", line=number, remedy="see nodes_config.cfg")
        if text:
            found.append(text)
    if not found or len(found) > MOST_NODES:
        raise InputError(f"lists {len(found)} nodes", remedy=f"an IMEX domain has 1 to {MOST_NODES}")
    return tuple(found)


def settings(data: bytes) -> dict[str, str]:
    """`KEY=value` lines of the daemon's configuration."""
    found: dict[str, str] = {}
    for number, line in safe.lines(data):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        pair = _PAIR.match(text)
        if not pair:
            raise InputError("not KEY=value", line=number, remedy="copy the IMEX configuration again")
        found[pair[1]] = pair[2].strip()
    if not any(key.startswith("IMEX_") for key in found):
        raise InputError("sets nothing of IMEX", remedy="copy the IMEX configuration again")
    return found


def channels(data: bytes) -> tuple[Channel, ...]:
    """`ls -l /dev/nvidia-caps-imex-channels`. Lines of other devices are passed over."""
    found = [
        Channel(int(line[2]), line[1][6:8] == "rw")
        for _, text in safe.lines(data)
        if (line := _CHANNEL.match(text.rstrip()))
    ]
    if not found:
        raise InputError("lists no IMEX channel", remedy="capture `ls -l /dev/nvidia-caps-imex-channels` again")
    return tuple(found)


_MADE = re.compile(r"^mknod (?:-m [0-7]{3,4} )?/dev/nvidia-caps-imex-channels/channel(\d{1,6}) c \S{1,20} (\d{1,6})$")


def made(data: bytes) -> tuple[int, ...]:
    """The channels that a script makes with mknod; its number is the device's minor. Raises `InputError`."""
    found = []
    for number, line in safe.lines(data):
        match = _MADE.match(line.strip())
        if match and match[1] != match[2]:
            raise InputError("a channel whose minor is another's", line=number, remedy="channelN has the minor N")
        if match:
            found.append(int(match[1]))
    return tuple(found)
