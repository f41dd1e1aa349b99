"""`ringfence mark`, `merge` and `export`: change what is kept, never what it was made from."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ringfence.app import targets
from ringfence.app.estates import marked, merged, open_estate, pseudonymous, save_estate
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, EstateFile, Identity
from ringfence.errors import UsageError

Recipients = Annotated[
    list[str] | None, Parameter(name=["--recipient"], negative="", help="Encrypt to this age recipient (repeatable).")
]


def mark(
    entity: list[str],
    /,
    *,
    reason: str = "marked by the user",
    estate: EstateFile = DEFAULT,
    out: Annotated[Path | None, Parameter(name=["-o", "--out"])] = None,
    identity: Identity = None,
) -> int:
    """Mark entities as crown jewels. Once any is marked, only marked ones are asked about.

    Example: `ringfence mark model:llm-70b credential:signing/3fa9 --reason "release 3"`

    Parameters
    ----------
    entity
        Entity ids.
    reason
        Why; kept with the mark.
    out
        Where to write (default: in place).
    """
    targets.estate(out, identity)
    save_estate(marked(open_estate(estate, identity), entity, reason), out or estate)
    output.err.print(f"{len(entity)} crown jewels marked in {out or estate}", markup=False)
    return 0


def merge(
    file: list[Path], /, *, out: Annotated[Path, Parameter(name=["-o", "--out"])], identity: Identity = None
) -> int:
    """Join estates of several clusters into one: what they share becomes a way between them.

    Example: `ringfence merge a.estate b.estate -o both.estate`

    Parameters
    ----------
    file
        Two or more saved estates. Collect them with `--site` where host names repeat, and with one
        `--salt-file` where keys are to be recognised across them.
    out
        Where to write the joined estate.
    """
    if len(file) < 2:
        raise UsageError("merge needs two estates or more", "ringfence merge A B -o C")
    targets.estate(out, *file, identity)
    save_estate(merged([open_estate(one, identity) for one in file]), out)
    output.err.print(f"{len(file)} estates joined in {out}", markup=False)
    return 0


def export(
    *,
    out: Annotated[Path, Parameter(name=["-o", "--out"])],
    estate: EstateFile = DEFAULT,
    pseudonyms: Annotated[bool, Parameter(negative="")] = False,
    recipient: Recipients = None,
    identity: Identity = None,
) -> int:
    """Copy an estate with pseudonyms for every name, or encrypted to age recipients, or both.

    Example: `ringfence export --pseudonyms -o share.estate`

    Parameters
    ----------
    out
        Where to write.
    pseudonyms
        Replace every name; the key is thrown away.
    """
    if not pseudonyms and not recipient:
        raise UsageError("export needs --pseudonyms, --recipient, or both", "a plain copy is `cp`")
    targets.estate(out, estate, identity)
    opened = open_estate(estate, identity)
    save_estate(pseudonymous(opened) if pseudonyms else opened, out, recipient or ())
    output.err.print(f"written to {out}", markup=False)
    return 0
