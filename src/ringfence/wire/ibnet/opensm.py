"""`opensm.conf`: the options of the subnet manager, with opensm's documented defaults filled in.

One option a line, name and value parted by white space; `#` begins a comment; `(null)` is empty.
Defaults: opensm 3.3, as `opensm -c` writes them.
"""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

DEFAULT_SM_KEY = 1

_TELLING = (
    "sm_key",
    "m_key",
    "sm_priority",
    "subnet_prefix",
    "partition_config_file",
    "guid",
    "sa_key",
    "sweep_interval",
)
_LINE = re.compile(r"\A\s*+([A-Za-z_][A-Za-z0-9_]{0,60})(?:[ \t]+(.*))?\Z")


class Options(msgspec.Struct, frozen=True):
    """What decides who may manage the fabric. Keys are 64 bits; secrets are compared with their default only.

    `allowed_sm_guids` empty: any. `enforce` is what switches check of partition keys: both, in, out, off.
    """

    guids: tuple[int, ...]
    sm_key_default: bool
    sa_key_default: bool
    m_key_set: bool
    m_key_per_port: bool
    m_key_protection_level: int
    sm_priority: int
    subnet_prefix: int
    allowed_sm_guids: tuple[int, ...]
    partition_file: str
    enforce: str
    trust_model: bool


def read(data: bytes) -> Options:
    """The options. Raises `InputError` for a line that is no option, or a number that is none."""
    said: dict[str, tuple[str, int]] = {}
    for number, line in safe.lines(data):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.match(text)
        if match is None:
            raise InputError(f"not an option of opensm: {text[:60]!r}", line=number, remedy="one option a line")
        value = (match[2] or "").strip()
        said[match[1]] = ("" if value in ("(null)", "null") else value, number)
    if not said.keys() & set(_TELLING):
        raise InputError("no option of opensm in it", remedy="capture /etc/opensm/opensm.conf")
    return _options(said)


def _options(said: dict[str, tuple[str, int]]) -> Options:
    def number(name: str, default: int) -> int:
        text, line = said.get(name, ("", 0))
        if not text:
            return default
        try:
            return -1 if text.startswith("hidden") else int(text.split()[0][:40], 0)
        except ValueError:
            raise InputError(f"{name} is not a number: {text[:40]!r}", line=line, remedy="see opensm(8)") from None

    def flag(name: str) -> bool:
        return said.get(name, ("", 0))[0].upper() in ("TRUE", "1", "YES", "ON")

    sm_key = number("sm_key", DEFAULT_SM_KEY)
    enforce = said.get("part_enforce", ("", 0))[0].lower() or "both"
    return Options(
        tuple(found for name in ("guid", "guid2", "guid3") if (found := number(name, 0))),
        sm_key == DEFAULT_SM_KEY,
        number("sa_key", sm_key) == DEFAULT_SM_KEY,
        number("m_key", 0) != 0,
        flag("m_key_per_port"),
        number("m_key_protection_level", 0),
        number("sm_priority", 0),
        number("subnet_prefix", 0xFE80000000000000),
        _guids(*said.get("allowed_sm_guids", ("", 0))),
        said.get("partition_config_file", ("", 0))[0],
        "off" if flag("no_partition_enforcement") else enforce,
        flag("sa_enhanced_trust_model"),
    )


def _guids(text: str, line: int) -> tuple[int, ...]:
    found = []
    for word in text.replace(",", " ").split():
        try:
            found.append(int(word[:40], 16))
        except ValueError:
            raise InputError(f"not a GUID: {word[:40]!r}", line=line, remedy="16 hexadecimal digits") from None
    return tuple(found)
