"""The fixed version that a bulletin names for a driver, as far as it can be advice.

Bulletin 5703 gives R535 of vGPU 16 a fix of R575 (`575.274.02(vGPU 16.12)`): whoever took the number would leave the
branch. Then the release in brackets is told, and that the bulletin contradicts itself. Gaming releases go from branch
to branch, and theirs are no contradiction.
"""

import msgspec

from ringfence.assess.advisories.branches import Branches
from ringfence.assess.advisories.products import GAMING, numbering
from ringfence.assess.advisories.row import Row
from ringfence.assess.advisories.tokens import Version, series


def advised(row: Row, branches: Branches) -> Row:
    """A driver's row, with its release in place of a fixed version that is of another branch."""
    number, bracket, release = row.fixed.partition("(")
    covers = series(number.strip())
    if covers is None or row.place.line.endswith(GAMING):
        return row
    other = _other(covers[0], row, branches)
    if not other:
        return row
    note = f"{row.advisory} contradicts itself: {number.strip()}, which it names as the fix of R{row.place.branch}, "
    note += f"is of R{other}"
    return msgspec.structs.replace(row, fixed=release.rpartition(")")[0].strip() if bracket else "", note=note)


def _other(version: Version, row: Row, branches: Branches) -> int:
    """The branch of a version where it is known to be another than the row's; else 0."""
    own = int(row.place.branch)
    of = branches.of(numbering(row.place.system, row.place.line), version)
    known = row.place.system == "linux" or of in branches.named(numbering(row.place.system, row.place.line))
    return of if of is not None and known and of != own else 0
