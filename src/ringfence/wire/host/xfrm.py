"""`ip -batch` lists of XFRM policies and states, as `ip xfrm … add` takes them (ip-xfrm(8))."""

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_AEAD = "rfc4106(gcm(aes))"


class Policy(msgspec.Struct, frozen=True):
    """Traffic from `source` to `target` in a direction has to be ESP of the state with this `reqid`."""

    source: str
    target: str
    way: str
    reqid: str
    device: str


class State(msgspec.Struct, frozen=True):
    """One direction of one pair. `key` is a reference to a file, never the key."""

    source: str
    target: str
    way: str
    reqid: str
    spi: str
    key: str
    device: str


def policies(data: bytes) -> tuple[Policy, ...]:
    """`xfrm policy add …` lines. Raises `InputError` for others, or for a template that asks for less than ESP."""
    found = []
    for number, words in _lines(data, "policy"):
        cut = words.index("tmpl") if "tmpl" in words else len(words)
        selector, template = _pairs(words[:cut]), _pairs(words[cut + 1 :])
        plain = template.get("proto") == "esp" and template.get("level", "required") == "required"
        if not plain or selector.get("action", "allow") != "allow":
            raise InputError("a policy that does not require ESP", line=number, remedy="see ip-xfrm(8)")
        source, target, way = (selector.get(key, "") for key in ("src", "dst", "dir"))
        found.append(Policy(source, target, way, template.get("reqid", ""), selector.get("dev", "")))
    return tuple(found)


def states(data: bytes) -> tuple[State, ...]:
    """`xfrm state add …` lines with AES-GCM and a key reference. Raises `InputError` for a key in clear."""
    found = []
    for number, words in _lines(data, "state"):
        at = words.index("aead") if "aead" in words else len(words)
        cipher = words[at + 1 : at + 4]
        if len(cipher) < 3 or cipher[0] != _AEAD or cipher[2] != "128":
            raise InputError("a state without AES-GCM", line=number, remedy="packet offload takes nothing else")
        if not cipher[1].startswith("@/"):
            raise InputError("a key that stands in the file itself", line=number, remedy="name its file: @/path")
        row = _pairs(words[:at] + words[at + 4 :])
        source, target, way, reqid, spi = (row.get(key, "") for key in ("src", "dst", "dir", "reqid", "spi"))
        found.append(State(source, target, way, reqid, spi, cipher[1][1:], row.get("dev", "")))
    return tuple(found)


def _lines(data: bytes, kind: str) -> list[tuple[int, list[str]]]:
    found = []
    for number, line in safe.lines(data):
        words = line.partition("#")[0].split()
        if words and words[:3] != ["xfrm", kind, "add"]:
            raise InputError(f"not an `xfrm {kind} add`", line=number, remedy="see ip-xfrm(8)")
        if words:
            found.append((number, words[3:]))
    return found


def _pairs(words: list[str]) -> dict[str, str]:
    """`src A dst B offload packet dev eth0` → src, dst, offload, dev."""
    return dict(zip(words[::2], words[1::2], strict=False))
