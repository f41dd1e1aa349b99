"""FIRST's Exploit Prediction Scoring System: a CSV of CVE id, probability and percentile, gzipped or not."""

import zlib
from collections.abc import Mapping

import msgspec

from ringfence.errors import InputError
from ringfence.wire.advisory import cve, text

MOST_BYTES = 64 << 20
LONGEST_SHOWN = 40
_REMEDY = "give epss_scores-YYYY-MM-DD.csv as FIRST publishes it, or .csv.gz"


class Scores(msgspec.Struct, frozen=True):
    """`probability`: CVE id → of exploitation in the next 30 days, 0 to 1. `date`: of the scores, or ""."""

    date: str
    probability: Mapping[str, float]


def read(data: bytes) -> Scores:
    """The scores. Raises `InputError` with the line that is none."""
    if data[:2] == b"\x1f\x8b":
        data = _unzipped(data)
    if len(data) > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES >> 20} MiB", remedy=_REMEDY)
    found: dict[str, float] = {}
    date, heading = "", False
    for at, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if line.startswith("#"):
            date = date or text(line.partition("score_date:")[2][:10])
        elif line.startswith("cve,epss"):
            heading = True
        elif line.strip():
            name, _, rest = line.partition(",")
            found[_known(name, at, heading)] = _probability(rest.partition(",")[0], at)
    if not heading:
        raise InputError("no heading `cve,epss,percentile`", line=1, remedy=_REMEDY)
    return Scores(date, found)


def _known(name: str, line: int, heading: bool) -> str:
    if not heading or not cve(name):
        raise InputError(f"not the line of a score: {_quoted(name)}", line=line, remedy=_REMEDY)
    return name


def _probability(value: str, line: int) -> float:
    """A number from 0 to 1; nothing else that Python would read as a number (nan, inf)."""
    try:
        number = float(value) if len(value) <= 32 else -1.0
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise InputError(f"not a probability: {_quoted(value)}", line=line, remedy=_REMEDY)
    return number


def _quoted(value: str) -> str:
    """What stands there, short enough for a message."""
    return f'"{text(value[:LONGEST_SHOWN])}"' + (" …" if len(value) > LONGEST_SHOWN else "")


def _unzipped(data: bytes) -> bytes:
    try:
        engine = zlib.decompressobj(31)
        out = engine.decompress(data, MOST_BYTES + 1)
    except zlib.error as error:
        raise InputError(f"not gzip: {error}", remedy=_REMEDY) from None
    if not engine.eof and len(out) <= MOST_BYTES:
        raise InputError("cut short", remedy=_REMEDY)
    return out
