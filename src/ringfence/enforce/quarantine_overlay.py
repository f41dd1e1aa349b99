"""Quarantine as an overlay over `partitions.conf`: what is in force is the base without some ports, and back again.

        base (the fence's file, or the site's) ──over──▶ in force ──base──▶ the base, byte for byte

        # ringfence was: train=0x8001, defmember=full : 0x…01, 0x…02;      the line as the base has it
        train=0x8001, defmember=full : 0x…01, NONE;                        the line that is in force
        # ringfence end
        # ringfence quarantine                                             from here on nothing is the base's
        Default=0x7fff, defmember=limited : 0x…02;                         the last word on a port counts

One file holds both, so that no kill parts them. opensm has no word for "all but one": where a partition is given to
`ALL`, the ports that are known take its place, and a port that is new gets that key when the quarantine ends.
"""

from collections.abc import Collection, Iterable, Iterator

from ringfence.errors import EnforceError
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.partitions import LONGEST_LINE, Stanza, Tables
from ringfence.wire.ibnet.values import DEFAULT_PKEY

_WAS, _GOES_ON, _END = "# ringfence was: ", "# ringfence was, in part: ", "# ringfence end"
_BLOCK, _BLOCK_CUT = "# ringfence quarantine", "# ringfence quarantine, after a line without an end"
_PIECE, _WIDTH = 3900, 3000
_BLANK = " \t"
_EVERYONE = {"ALL": ("ALL_SWITCHES", "ALL_ROUTERS"), "ALL_CAS": ()}
"""Groups that an adapter is a member of, and what else they stand for."""


def masked(tables: Tables, held: Collection[int]) -> Tables:
    """The tables with these ports in nothing but the default partition, as limited."""
    return tables | {guid: {DEFAULT_PKEY: "limited"} for guid in held if guid in tables}


def over(text: str, held: Collection[int], known: Iterable[int]) -> str:
    """What is in force while these ports (GUIDs) are held; `known` are all end ports. Nothing held: the base itself.

    Raises `EnforceError` for a base that opensm ignores, or in which our own marks stand.
    """
    if not held:
        return text
    conf = partitions.read_text(text)
    if conf.fails_open:
        what = f"opensm ignores partitions.conf, so that everyone is with everyone: {conf.fails_open}"
        raise EnforceError(what, "put the fence in force, or mend the file: nothing was changed")
    layer = _Layer(conf.stanzas, frozenset(held), [guid for guid in sorted(known) if guid not in held])
    plain = _plain(text)
    lines = plain.split("\n")
    whole = lines[-1] == ""
    made = [row for line in (lines[:-1] if whole else lines) for row in layer.line(line)]
    made += [_BLOCK if whole else _BLOCK_CUT, *(["NONE;"] if layer.within else [])]
    made += _wrapped("Default=0x7fff, defmember=limited : ", [f"0x{guid:016x}" for guid in sorted(held)], ";")
    laid = _written("\n".join(made) + "\n")
    if base(laid) != text:
        raise EnforceError(
            "partitions.conf holds lines that look like a quarantine of ours and are none", "remove them"
        )
    return laid


def base(text: str) -> str:
    """What `over` was given. A text without our marks is its own base."""
    if _BLOCK not in text:
        return text
    found: list[str] = []
    part, hidden = "", False
    for line in _plain(text).split("\n"):
        if line in (_BLOCK, _BLOCK_CUT):
            return _written("\n".join(found) + ("" if line == _BLOCK_CUT else "\n"))
        if line.startswith(_GOES_ON):
            part += line.removeprefix(_GOES_ON)
        elif line.startswith(_WAS):
            found.append(part + line.removeprefix(_WAS))
            part, hidden = "", True
        elif line == _END:
            hidden = False
        elif not hidden:
            found.append(line)
    return text


def named(text: str) -> tuple[int, ...]:
    """GUIDs that the quarantine in a text names."""
    at = max(text.rfind(f"\n{one}\n") for one in (_BLOCK, _BLOCK_CUT))
    if at < 0:
        return ()
    stanzas = partitions.read_text(text[at:].replace("\nNONE;\n", "\n")).stanzas
    return tuple(one.guid for stanza in stanzas for one in stanza.members)


def _plain(text: str) -> str:
    """A character for each byte, as opensm counts them."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _written(plain: str) -> str:
    return plain.encode("latin-1").decode("utf-8", "surrogateescape")


def _wrapped(head: str, words: Iterable[str], end: str) -> Iterator[str]:
    """The words over as many lines as opensm's buffer needs."""
    row = head
    for at, word in enumerate(words):
        if at and len(row) + len(word) > _WIDTH:
            yield row + ","
            row = " " + word
        else:
            row += (", " if at else "") + word
    yield row + end


class _Layer:
    """Goes through a file that parses, line by line; `within`: a stanza goes on in the next line."""

    def __init__(self, stanzas: Iterable[Stanza], held: frozenset[int], others: list[int]) -> None:
        self.within = False
        self._coming, self._stanza = iter(stanzas), Stanza("", 0, False, (), 0)
        self._held, self._others = held, others

    def line(self, line: str) -> Iterator[str]:
        """What takes the place of one line."""
        made: list[str] = []
        changed = False
        for at in range(0, len(line) or 1, LONGEST_LINE):
            rows, other = self._buffer(line[at : at + LONGEST_LINE])
            made += rows
            changed |= other
        if not changed:
            yield line
            return
        pieces = [line[at : at + _PIECE] for at in range(0, len(line), _PIECE)]
        yield from (_GOES_ON + piece for piece in pieces[:-1])
        yield _WAS + pieces[-1]
        yield from made
        yield _END

    def _buffer(self, text: str) -> tuple[list[str], bool]:
        """The rows that say what opensm's buffer is to say, and whether they say something else than it did."""
        code = text.partition("\0")[0].partition("#")[0]
        rows: list[str] = []
        changed = False
        while code.strip(_BLANK):
            piece, ended, code = code.partition(";")
            head = ""
            if not self.within:
                head, _, piece = piece.partition(":")
                self._stanza, head, self.within = next(self._coming), head.strip(_BLANK) + " : ", True
            words, other = self._words(piece)
            changed |= other
            rows += _wrapped(head, words, ended)
            self.within = not ended
        return rows, changed

    def _words(self, piece: str) -> tuple[list[str], bool]:
        """The specifiers of one piece of a body, those of a held port and of everyone replaced."""
        found: list[str] = []
        changed = False
        specs = piece.split(",")
        for at, spec in enumerate(specs):
            name, equals, value = spec.partition("=")
            if name.strip(_BLANK) == "mgid":
                return [*found, ",".join(specs[at:])], changed
            guid, group = partitions.port_of(name.strip(_BLANK)) if name.strip(_BLANK) else (0, "")
            if self._stanza.key != DEFAULT_PKEY and (guid in self._held or group in _EVERYONE):
                changed = True
                everyone = [f"0x{one:016x}" for one in self._others] + list(_EVERYONE.get(group, ()))
                found += [one + equals + value.strip(_BLANK) for one in everyone] if group else ["NONE"]
            else:
                found.append(spec.strip(_BLANK))
        return found, changed
