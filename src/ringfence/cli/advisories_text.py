"""Verdicts as text of any width: one block for an installation and verdict, and no id is ever broken in two.

affected (exploited, EPSS 0.250): container-toolkit 1.17.7 on host:n1 and 39 more
  CVE-2099-0001, CVE-2099-0002 (bulletin 9001): fixed in 1.17.8; All versions up to and including 1.17.7
  CVE-2099-0003 (bulletin 9002): fixed in 1.17.9; All versions prior to 1.17.9
  known by: runs_software package:deb/nvidia-container-toolkit (n1/dpkg, 2099-01-02)
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from textwrap import wrap
from typing import Any

from ringfence.cli.output import harmless

SHOWN = 4
"""CVEs that a line names; the others are counted."""

NARROWEST = 40
"""Columns: a narrower terminal wraps by itself."""

_REASONS = 2
Row = dict[str, Any]


def blocks(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows by installation and verdict, in the order of the first of each; those with one fix as one row."""
    found: dict[tuple[object, ...], dict[tuple[str, str], list[Row]]] = {}
    for row in rows:
        of = (*(row[name] for name in ("product", "version", "line", "system", "verdict")), *row["entities"])
        found.setdefault(of, {}).setdefault((row["fixed"], row["missing"]), []).append(row)
    return [[_merged(same) for same in fixes.values()] for fixes in found.values()]


def is_exploited(block: list[Row]) -> bool:
    """Whether a flaw of a block is known to be exploited."""
    return any(row.get("kev") for row in block)


def lines(block: list[Row], width: int) -> Iterator[str]:
    """A block as lines no longer than `width` columns, the first its heading. Nothing in it steers a terminal."""
    texts = [_heading(block), *(f"  {_flaws(row)}" for row in block), f"  known by: {_source(block[0]['fact'])}"]
    for at, text in enumerate(texts):
        yield from wrapped(text, width, "    " if at else "  ")


def wrapped(text: str, width: int, indent: str = "  ") -> list[str]:
    """A text in lines of whole words, all but the first indented."""
    return wrap(harmless(text), max(width, NARROWEST), subsequent_indent=indent, break_on_hyphens=False)


def _merged(rows: list[Row]) -> Row:
    """One row for several of one fix: their flaws, bulletins, ranges and reasons, each once."""

    def each(name: str) -> list[str]:
        return list(dict.fromkeys(one for row in rows for one in row.get(name, ())))

    def told(name: str) -> list[str]:
        return list(dict.fromkeys(row[name] for row in rows if row[name]))

    likely = {cve: odds for row in rows for cve, odds in row.get("epss", {}).items()}
    lists = {name: each(name) for name in ("cves", "advisories", "kev")}
    return rows[0] | lists | {"epss": likely, "ranges": told("range"), "reasons": told("because")}


def _heading(block: list[Row]) -> str:
    row, entities = block[0], block[0]["entities"]
    on = entities[0] + (f" and {len(entities) - 1:,} more" if len(entities) > 1 else "")
    kind = (row["product"], row["line"], row["system"] if row["system"] == "windows" else "", row["version"])
    likely = [odds for row in block for odds in row["epss"].values()]
    odds = ("exploited" if is_exploited(block) else "", f"EPSS {max(likely):.3f}" if likely else "")
    told = ", ".join(filter(None, odds))
    return f"{row['verdict']}{f' ({told})' if told else ''}: {' '.join(filter(None, kind))} on {on}"


def _flaws(row: Row) -> str:
    """The exploited ones first, then the likeliest; what to do or what is missing, then on which grounds."""
    exploited, likely = row["kev"], row["epss"]
    cves = sorted(row["cves"], key=lambda cve: (cve not in exploited, -likely.get(cve, 0.0)))
    more = f" … {len(cves)} in all" if len(cves) > SHOWN else ""
    named = [one if one == "own table" else f"bulletin {one}" for one in row["advisories"]]
    of = ", ".join(cves[:SHOWN]) + more + f" ({_few(named, ', ')}): " if cves else ""
    fixed = f"fixed in {row['fixed']}" if row["fixed"] else ""
    missing = f"missing: {row['missing']}" if row["missing"] else ""
    why = (fixed, missing, _few(row["reasons"], "; "), _few(row["ranges"], "; "))
    return of + "; ".join(filter(None, why))


def _few(texts: list[str], between: str) -> str:
    more = f"{between}{len(texts) - _REASONS} more" if len(texts) > _REASONS else ""
    return between.join(texts[:_REASONS]) + more


def _source(fact: Row) -> str:
    when = fact["observed_at"]
    day = datetime.fromtimestamp(when, UTC).date().isoformat() if when else "no date"
    return f"{fact['predicate']} {fact['object']} ({fact['source']}, {day})"
