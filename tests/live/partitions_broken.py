"""Ways in which a good `partitions.conf` gets broken, each seeded: bytes, lines, members, stanzas, keys."""

import random
import re
from collections.abc import Callable

from tests.live.opensm import port_guid

Broken = Callable[[random.Random, str], str]


def _flip(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text))
    return text[:at] + chr(ord(text[at]) ^ 1 << chance.randrange(7)) + text[at + 1 :]


def _lost_byte(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text))
    return text[:at] + text[at + 1 :]


def _odd_byte(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text))
    return text[:at] + chance.choice("\r\v\f\0 \t;:,=#-0A\x7f") + text[at:]


def _cut_short(chance: random.Random, text: str) -> str:
    return text[: chance.randrange(len(text))]


def _merged_lines(chance: random.Random, text: str) -> str:
    ends = [found.start() for found in re.finditer("\n", text)]
    at = chance.choice(ends)
    return text[:at] + text[at + 1 :]


def _lines(change: Callable[[random.Random, list[str]], None]) -> Broken:
    def broken(chance: random.Random, text: str) -> str:
        rows = text.splitlines()
        change(chance, rows)
        return "\n".join(rows) + "\n"

    return broken


def _lost_line(chance: random.Random, rows: list[str]) -> None:
    rows.pop(chance.randrange(len(rows)))


def _doubled_line(chance: random.Random, rows: list[str]) -> None:
    at = chance.randrange(len(rows))
    rows.insert(chance.randrange(len(rows)), rows[at])


def _swapped_lines(chance: random.Random, rows: list[str]) -> None:
    one, other = chance.sample(range(len(rows)), 2)
    rows[one], rows[other] = rows[other], rows[one]


def _replaced(pattern: str, new: Callable[[random.Random, str], str]) -> Broken:
    def broken(chance: random.Random, text: str) -> str:
        found = list(re.finditer(pattern, text))
        if not found:
            return text
        one = chance.choice(found)
        return text[: one.start()] + new(chance, one[0]) + text[one.end() :]

    return broken


def _other_guid(chance: random.Random, _: str) -> str:
    return f"0x{port_guid(chance.randrange(24)):016x}"


def _long_line(chance: random.Random, text: str) -> str:
    guids = ", ".join([f"0x{port_guid(chance.randrange(16)):016x}"] * chance.randrange(200, 400))
    return text.replace("defmember=full : ", f"defmember=full : {guids}, ", 1)


KINDS: dict[str, Broken] = {
    "a bit is flipped": _flip,
    "a byte is lost": _lost_byte,
    "a byte too many": _odd_byte,
    "cut short": _cut_short,
    "two lines become one": _merged_lines,
    "a line is lost": _lines(_lost_line),
    "a line is doubled": _lines(_doubled_line),
    "two lines change places": _lines(_swapped_lines),
    "another port's GUID": _replaced(r"0x[0-9a-f]{16}", _other_guid),
    "a member is lost": _replaced(r"0x[0-9a-f]{16},? ?", lambda chance, found: ""),
    "a member is full": _replaced(r"(0x[0-9a-f]{16})", lambda chance, found: found + "=full"),
    "a member is limited": _replaced(r"(0x[0-9a-f]{16})", lambda chance, found: found + "=limited"),
    "another partition's key": _replaced(r"=0x[89a-f][0-9a-f]{3}", lambda chance, found: "=0x8001"),
    "the bit of membership": _replaced(r"=0x[89a-f]([0-9a-f]{3})", lambda chance, found: f"=0x{found[4:]}"),
    "a key of zero": _replaced(r"=0x[89a-f][0-9a-f]{3}", lambda chance, found: "=0x8000"),
    "no defmember": _replaced(r", defmember=\w+", lambda chance, found: ""),
    "the other defmember": _replaced(r"defmember=limited", lambda chance, found: "defmember=full"),
    "everyone is full": _replaced(r"ALL=limited", lambda chance, found: chance.choice(("ALL=full", "ALL", "ALL="))),
    "everyone is in a key": _replaced(r"(?<=full : )", lambda chance, found: "ALL, "),
    "a name is shortened": _replaced(r"ALL_SWITCHES|SELF|Default", lambda chance, found: found[: chance.randrange(8)]),
    "a line is too long": _long_line,
    "lines end as in DOS": lambda chance, text: text.replace("\n", "\r\n"),
    "nothing is left": lambda chance, text: chance.choice(("", "\n", "# nothing\n")),
}


def broken(text: str, count: int, seed: int = 3) -> list[tuple[str, str]]:
    """`count` broken texts, every kind in its turn."""
    chance = random.Random(seed)
    kinds = list(KINDS.items())
    return [(kinds[at % len(kinds)][0], kinds[at % len(kinds)][1](chance, text)) for at in range(count)]
