"""Pickles taken apart, never loaded: which Python names a file would import and call.

The opcodes are listed with `pickletools.genops`; a symbolic stack and memo follow strings to
where STACK_GLOBAL takes them, so that a name put together from the memo is still seen. Loading
runs what is imported the moment it is reached: an import before the damage in a broken file counts.
"""

import io
import pickletools
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire.artefact import pickle_names

MOST_OPCODES = 2_000_000
MOST_PICKLES = 1_000
OLD_HEAD = 64 << 10
_FIRST = frozenset(bytes([letter]) for letter in b"(])}{lcdiINFGLJKMSTUVXPp\x80")
_PROTOCOL = re.compile(rb"\x80[\x02-\x05]")
_MARK, _UNKNOWN = object(), ""
_STRINGS = frozenset(
    {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
)


class Import(msgspec.Struct, frozen=True, order=True):
    """One name that loading looks up. `verdict`: "benign", "dangerous" or "unknown"."""

    module: str
    name: str
    verdict: str


class Scan(msgspec.Struct, frozen=True):
    """What a file would do.

    `broken` says where the opcodes stop making sense, empty when they do not; `cut` is True where
    the limit on opcodes ended the scan.
    """

    imports: tuple[Import, ...]
    broken: str
    cut: bool
    pickles: int
    opcodes: int

    @property
    def dangerous(self) -> tuple[Import, ...]:
        return tuple(each for each in self.imports if each.verdict == "dangerous")

    @property
    def verdict(self) -> str:
        """The worst of it: dangerous, unknown, broken or benign."""
        verdicts = {each.verdict for each in self.imports}
        if "dangerous" in verdicts:
            return "dangerous"
        if "unknown" in verdicts or self.cut:
            return "unknown"
        return "broken" if self.broken else "benign"


def looks_like(head: bytes) -> bool:
    """Whether it begins with a protocol mark; protocols 0 and 1 have none, ask `is_old`."""
    return _PROTOCOL.match(head) is not None


def is_old(data: bytes) -> bool:
    """Whether the bytes read as a pickle without protocol mark up to a STOP, within 64 KiB."""
    if data[:1] not in _FIRST:
        return False
    try:
        for count, (opcode, _, _) in enumerate(pickletools.genops(io.BytesIO(data[:OLD_HEAD]))):
            if opcode.name == "STOP":
                return count > 0
    except Exception:  # genops raises whatever int(), codecs or struct raise on junk
        return False
    return False


def scan(data: bytes, most: int = MOST_OPCODES) -> Scan:
    """List the imports of all pickles that follow one another in `data`, `most` opcodes at the most.

    Raises `InputError` where `data` is empty.
    """
    if not data:
        raise InputError("an empty pickle", remedy="fetch the file again")
    stream = io.BytesIO(data)
    walk = _Walk(most)
    broken, pickles = "", 0
    while pickles < MOST_PICKLES and stream.tell() < len(data) and not walk.cut:
        start = stream.tell()
        try:
            walk.one(pickletools.genops(stream))
        except Exception as error:  # as above: the kinds are not documented, and each means "broken here"
            if pickles and stream.tell() - start < len(data) and not walk.found_since(pickles):
                break  # bytes behind the last pickle, as tensors are kept in old checkpoints
            broken = f"byte {stream.tell()}: {str(error)[:120] or type(error).__name__}"
            break
        pickles += 1
        walk.counts.append(len(walk.found))
    imports = [Import(module, name, pickle_names.verdict(module, name)) for module, name in walk.found]
    return Scan(tuple(sorted(set(imports))), broken, walk.cut, pickles, most - max(walk.left, 0))


class _Walk:
    """The stack, the memo and the imports met, over all pickles of one file."""

    def __init__(self, most: int) -> None:
        self.found: list[tuple[str, str]] = []
        self.counts = [0]
        self.left = most
        self.cut = False

    def found_since(self, pickles: int) -> bool:
        """Whether the pickle that is being read has already imported something."""
        return len(self.found) > self.counts[min(pickles, len(self.counts) - 1)]

    def one(self, opcodes: Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]]) -> None:
        stack: list[Any] = []
        memo: dict[Any, Any] = {}
        for opcode, argument, _ in opcodes:
            self.left -= 1
            if self.left < 0:
                self.cut = True
                return
            self._step(opcode, argument, stack, memo)

    def _step(self, opcode: pickletools.OpcodeInfo, argument: Any, stack: list[Any], memo: dict[Any, Any]) -> None:
        name = opcode.name
        if name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[int(argument)] = stack[-1] if stack else _UNKNOWN
            return
        if name == "MEMOIZE":
            memo[len(memo)] = stack[-1] if stack else _UNKNOWN
            return
        if name == "DUP":
            stack.append(stack[-1] if stack else _UNKNOWN)
            return
        taken = _take(opcode, stack)
        if name in ("GLOBAL", "INST"):
            module, _, attribute = str(argument).partition(" ")
            self.found.append((module, attribute))
        elif name == "STACK_GLOBAL":
            module, attribute = ("", "", *taken)[-2:]
            self.found.append((_word(module), _word(attribute)))
        elif name.startswith("EXT"):
            self.found.append(("copyreg", f"extension {argument}"))
        if name == "MARK":
            stack.append(_MARK)
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo.get(int(argument), _UNKNOWN))
        elif name in _STRINGS:
            stack.append(argument.decode("utf-8", "replace") if isinstance(argument, bytes) else argument)
        else:
            stack.extend(_UNKNOWN for _ in opcode.stack_after)


def _take(opcode: pickletools.OpcodeInfo, stack: list[Any]) -> list[Any]:
    """Pop what the opcode takes; a stack that is too short gives what there is."""
    before = opcode.stack_before
    if pickletools.markobject in before:
        taken = []
        while stack:
            top = stack.pop()
            if top is _MARK:
                break
            taken.append(top)
        below = before.index(pickletools.markobject)
        if below:
            taken.extend(reversed(stack[-below:]))
            del stack[-below:]
        return taken[::-1]
    if not before:
        return []
    taken = stack[-len(before) :]
    del stack[-len(before) :]
    return taken


def _word(value: Any) -> str:
    return value if isinstance(value, str) and value else pickle_names.COMPUTED
