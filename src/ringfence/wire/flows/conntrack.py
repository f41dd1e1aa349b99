"""`conntrack -L`, `conntrack -E` and `/proc/net/nf_conntrack` (conntrack-tools; Documentation/networking/nf_conntrack).

One line a connection: protocol, then `src= dst= sport= dport=` of the direction that opened it, then of the answers;
`packets= bytes=` after each where counting is on (`net.netfilter.nf_conntrack_acct`).
"""

import re

from ringfence.wire.flows.values import NUMBERS, PROTOCOLS, Flow, address, port

_EVENT = re.compile(r"\[(\d{1,12}(?:\.\d{1,9})?|[A-Z_]{1,20})\]")
_FIELD = re.compile(r"\b(src|dst|sport|dport|bytes)=([0-9A-Fa-f.:]{1,64})")


def looks_like(line: str) -> bool:
    """Whether a line is one of conntrack's."""
    return "src=" in line and "dst=" in line


def flow(line: str, number: int) -> Flow | None:
    """The connection in a line; None for the end of one, which was told at its start. Raises `ValueError`."""
    marks = _EVENT.findall(line[:64])
    if "DESTROY" in marks:
        return None
    when = next((float(mark) for mark in marks if mark[0].isdigit()), 0.0)
    found: dict[str, list[str]] = {}
    for name, value in _FIELD.findall(line):
        found.setdefault(name, []).append(value)
    counted = [int(value) for value in found.get("bytes", ())] + [0, 0]
    return Flow(
        address(_first(found, "src")),
        address(_first(found, "dst")),
        _protocol(line),
        port(found.get("dport", ["0"])[0]),
        counted[0],
        counted[1],
        when,
        number,
    )


def _first(found: dict[str, list[str]], name: str) -> str:
    if name not in found:
        raise ValueError(f"no {name}=")
    return found[name][0]


def _protocol(line: str) -> str:
    for word in line.partition("src=")[0].split():
        if word in PROTOCOLS:
            return PROTOCOLS[word]
        if word == "unknown":
            break
    numbers = [int(word) for word in line.partition("src=")[0].split() if word.isdigit() and len(word) < 4]
    known = next((NUMBERS[number] for number in numbers if number in NUMBERS), "")
    if not known:
        raise ValueError("no protocol that is known here")
    return known
