"""One rule in nft's text form. The grammar is a table of what may begin a match or a statement."""

import re
from functools import lru_cache

from ringfence.wire.nft.values import Match, Rule

_TOKEN = re.compile(r'"[^"]{0,512}"|[{}]|,|[^\s{},"]+')
_OPS = ("==", "!=", "<=", ">=", "<", ">")
_PAIRS = {
    ("ip", "saddr"), ("ip", "daddr"), ("ip", "protocol"), ("ip6", "saddr"), ("ip6", "daddr"), ("ip6", "nexthdr"),
    ("ip6", "hoplimit"), ("tcp", "dport"), ("tcp", "sport"), ("tcp", "doff"), ("tcp", "flags"), ("udp", "dport"),
    ("udp", "sport"), ("sctp", "dport"), ("sctp", "sport"), ("th", "dport"), ("th", "sport"), ("icmp", "type"),
    ("icmpv6", "type"), ("ct", "state"), ("ct", "mark"), ("ct", "direction"), ("ct", "status"), ("meta", "l4proto"),
    ("meta", "nfproto"), ("meta", "length"), ("meta", "mark"), ("meta", "iifname"), ("meta", "oifname"),
    ("meta", "iif"), ("meta", "oif"), ("meta", "skuid"), ("meta", "skgid"), ("meta", "protocol"),
}  # fmt: skip
_SINGLE = ("iif", "oif", "iifname", "oifname")
_LAST = ("accept", "drop", "return", "continue")
_LIMIT = re.compile(
    r"limit rate (over )?(\d{1,20})(?: (\w{1,8}))?/(\w{1,8})(?: burst (\d{1,20}) (packets|bytes|kbytes|mbytes))?(?!\S)"
)
_UNIT = {"kbytes": 1 << 10, "mbytes": 1 << 20}
_LENGTH = re.compile(r"\A[0-9]+\Z")


class _Unread(Exception):
    """From here on the rule is not understood."""


@lru_cache(maxsize=1 << 16)
def rule(text: str) -> Rule:
    """The rule that a line is. Never raises: what is not understood is `unknown`, its verdict still looked for."""
    tokens = _TOKEN.findall(text)
    return _Reader(tokens).rule()


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0
        self.matches: list[Match] = []
        self.found = {"verdict": "", "mark": "", "metered": ""}

    def rule(self) -> Rule:
        unknown = ""
        try:
            while self.at < len(self.tokens):
                self._next()
        except (_Unread, IndexError, ValueError):
            unknown = " ".join(self.tokens[self.at :])[:200] or "cut short"
            self.found["verdict"] = self.found["verdict"] or verdict_in(self.tokens[self.at :])
        found = self.found
        return Rule(tuple(self.matches), found["verdict"], found["mark"], found["metered"], unknown)

    def _next(self) -> None:
        word = self.tokens[self.at]
        if self.found["verdict"] and word != "comment":
            raise _Unread  # a verdict ends a rule
        if word in _STATEMENTS:
            _STATEMENTS[word](self)
        elif word in _LAST:
            self.found["verdict"] = word
            self.at += 1
        elif word in ("jump", "goto"):
            self.found["verdict"] = f"{word} {self.tokens[self.at + 1]}"
            self.at += 2
        else:
            self._match()

    def _match(self) -> None:
        start, width = self.at, self._width()
        left = " ".join(token.strip('"') for token in self.tokens[start : start + width])
        self.at += width
        try:
            op = self.tokens[self.at] if self.tokens[self.at] in _OPS else "=="
            self.at += self.tokens[self.at] in _OPS
            right = self._right()
            right = tuple(map(number, right)) if left == "ct mark" else right
            self.matches.append(Match(left.removeprefix("meta ") if left[5:] in _SINGLE else left, op, right))
        except (_Unread, IndexError, ValueError):
            self.at = start
            raise

    def _width(self) -> int:
        tokens, at = self.tokens, self.at
        if tokens[at] in _SINGLE:
            return 1
        if tokens[at : at + 3] == ["socket", "cgroupv2", "level"] and _LENGTH.match(tokens[at + 3]):
            return 4
        if tuple(tokens[at : at + 2]) in _PAIRS:
            return 2
        raise _Unread

    def _right(self) -> tuple[str, ...]:
        if self.tokens[self.at] == "{":
            end = self.tokens.index("}", self.at)
            inside, self.at = self.tokens[self.at + 1 : end], end + 1
            values = inside[::2]
            if any(comma != "," for comma in inside[1::2]) or not values or "{" in values or "," in values:
                raise _Unread
        else:
            values = [self._value()]
            while self.at < len(self.tokens) and self.tokens[self.at] == ",":
                self.at += 1
                values.append(self._value())
        return tuple(value.strip('"') for value in values)

    def _value(self) -> str:
        value = self.tokens[self.at]
        if value in ("{", "}", ",", "map", "vmap", "&", "|", ".") or value in _OPS:
            raise _Unread
        self.at += 1
        if self.at < len(self.tokens) and self.tokens[self.at] in ("&", "|", ".", "vmap", "map", "/"):
            raise _Unread
        return value

    # statements

    def counter(self) -> None:
        self.at += 1
        rest = self.tokens[self.at : self.at + 4]
        if rest[:1] == ["name"]:
            self.at += 2
        elif rest[:1] == ["packets"]:
            self.at += 4

    def quota(self) -> None:
        if self.tokens[self.at + 1] != "name":
            raise _Unread
        self.found["metered"] = "quota " + self.tokens[self.at + 2].strip('"')
        self.at += 3

    def limit(self) -> None:
        """`limit rate [over] 400/minute [burst 5 packets]`, `limit rate over 10 mbytes/second burst 1 mbytes`."""
        found = _LIMIT.match(" ".join(self.tokens[self.at : self.at + 8]))
        if not found:
            raise _Unread
        over, rate, unit, per, burst, of_burst = found.groups()
        counts = (int(rate), unit or "packets"), per, (int(burst or 0), of_burst or "packets")
        self.found["metered"] = meter(bool(over), *counts)
        self.at += found[0].count(" ") + 1

    def ct(self) -> None:
        """`ct mark set 0x1`; any other `ct` is a match."""
        if self.tokens[self.at : self.at + 3] != ["ct", "mark", "set"]:
            self._match()
            return
        self.found["mark"] = number(self.tokens[self.at + 3])
        self.at += 4

    def comment(self) -> None:
        self.at += 2

    def log(self) -> None:
        self.at += 1
        while self.tokens[self.at : self.at + 1] and self.tokens[self.at] in ("prefix", "level", "group", "flags"):
            self.at += 2

    def reject(self) -> None:
        self.found["verdict"] = "reject"
        self.at = len(self.tokens)


_STATEMENTS = {name: getattr(_Reader, name) for name in ("counter", "quota", "limit", "ct", "comment", "log", "reject")}


def meter(over: bool, rate: tuple[int, str], per: str, burst: tuple[int, str]) -> str:
    """A rate in one spelling; nft prints 1 kbytes for 1024 bytes."""
    each, most = (f"{count * _UNIT.get(unit, 1)} {_of(unit)}" for count, unit in (rate, burst))
    return f"limit {'over ' if over else ''}{each}/{per} burst {most}"


def _of(unit: str) -> str:
    return "packets" if unit == "packets" else "bytes"


def number(text: str) -> str:
    """A mark in one spelling: decimal."""
    try:
        return str(int(text, 0))
    except ValueError:
        return text


def verdict_in(tokens: list[str]) -> str:
    """The verdict that an unread rule may come to; `unknown` where that cannot be told from its words."""
    words = [word for word in ("accept", "drop", "reject", "return", "jump", "goto") if word in tokens]
    if "vmap" in tokens or "queue" in tokens or len(words) > 1:
        return "unknown"
    if not words:
        return ""
    target = tokens[tokens.index(words[0]) + 1 :][:1] if words[0] in ("jump", "goto") else []
    return " ".join([words[0], *target]) if target or words[0] not in ("jump", "goto") else "unknown"
