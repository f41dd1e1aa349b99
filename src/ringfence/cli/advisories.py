"""`ringfence advisories`: which published flaws the hardware and its software have."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from ringfence.app import targets
from ringfence.app.assess import advisories as app
from ringfence.app.estates import open_estate, save_estate
from ringfence.app.words import many
from ringfence.cli import columns, output
from ringfence.cli.advisories_text import blocks, is_exploited, lines, wrapped
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity

FOUND = 3
SHOWN = 4
"""Products that are not judged and named; the others are counted."""


def advisories(
    *,
    csaf: Path | None = None,
    cve: Path | None = None,
    kev: Path | None = None,
    epss: Path | None = None,
    estate: EstateFile = DEFAULT,
    save: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    identity: Identity = None,
    json: AsJson = False,
) -> int:
    """Say which published flaws this estate has, which it has no more, which nobody mends, and what is not known.

    Example: `ringfence advisories --csaf product-security/ --kev kev.json -o cluster.estate`

    Ringfence ships no advisory: give it the publishers' own files. A driver's release branch that later bulletins do
    not name any more is `unsupported branch`, not clean. What nothing tells is `unknown`, with the missing fact.
    What is exploited stands on top, then what is likelier to be. Exits with 3 where something is affected, unsupported,
    or could not be read.
    What is not collected may be stated as a fact (docs/estate.md), such as how the device plugin hands out devices:
    `setting` of a cluster, host or container, `device-list-strategy=cdi-annotations`. Of the same, which runtime starts
    containers (`low-level-runtime=crun`); of a card or host, its release of vGPU software (`vgpu-release=gaming`).

    Parameters
    ----------
    csaf
        A folder of CSAF 2.0 advisories, such as a copy of github.com/NVIDIA/product-security.
    cve
        A folder of CVE records; they speak where no advisory does.
    kev
        CISA's catalogue of known exploited vulnerabilities, JSON.
    epss
        FIRST's exploit prediction scores, CSV or CSV.gz.
    save
        Save the estate with the verdicts as facts, so that `reach`, `paths` and `audit` see them.
    every
        Show what is fixed, too.
    """
    targets.estate(save, csaf, cve, kev, epss, identity)
    opened = open_estate(estate, identity)
    answer = app.ask(opened, csaf, cve, kev, epss)
    if save is not None:
        save_estate(app.enriched(opened, answer), save)
    told = app.summary(answer)
    if json:
        output.json(told)
    else:
        _print(told, every)
        output.problems(answer.problems)
    return FOUND if answer.problems or app.affected(told["rows"]) else 0


def _print(told: dict[str, Any], every: bool) -> None:
    rows = [row for row in told["rows"] if every or row["verdict"] != app.Verdict.FIXED]
    width = columns.width()
    for block in blocks(rows):
        head, *more = lines(block, width)
        output.out.print(Text(head, style="bold red" if is_exploited(block) else "bold"))
        for line in more:
            output.out.print(Text(line))
    if rows:
        output.out.print()
    if rows and "kev" not in rows[0]:
        output.out.print("which of them are exploited was not asked: --kev")
    fixed = len(told["rows"]) - len(rows)
    _count_what_was_read(told)
    if fixed:
        output.out.print(f"{many(fixed, 'row that is fixed is', 'rows that are fixed are')} not shown: --all")
    if not told["rows"]:
        output.out.print("nothing that the advisories are about was found: collect nvidia-smi, packages and firmware")


def _count_what_was_read(told: dict[str, Any]) -> None:
    """Nothing is left out in silence: products that are not judged, and ranges that were not understood."""
    others = told["not_judged"]
    counted = [f"{many(told['advisories'], 'advisory', 'advisories')} read"]
    if told["other_files"]:
        counted.append(f"{many(told['other_files'], 'JSON file is', 'JSON files are')} no advisory")
    if others:
        named = ", ".join(f"{one['product']} ({one['rows']:,})" for one in others[:SHOWN])
        more = f" … {len(others):,} in all: --json" if len(others) > SHOWN else ""
        rows = many(told["foreign"], "row is", "rows are")
        products = many(len(others), "product that is", "products that are")
        counted.append(f"{rows} about {products} not judged: {named}{more}")
    if told["unread"]:
        rows = many(told["unread"], "row has", "rows have")
        counted.append(f"{rows} a range that was not understood: what is in its branch is unknown")
    for text in counted:
        for line in wrapped(text, columns.width()):
            output.out.print(Text(line))
