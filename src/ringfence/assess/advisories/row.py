"""One line of an advisory, with its names and its range understood."""

import msgspec

from ringfence.assess.advisories.products import Place
from ringfence.assess.advisories.ranges import Range


class Row(msgspec.Struct, frozen=True):
    """One flaw in one product's range, as one advisory says. `fixed`: the first version without it, as written.

    `doubt`: the missing fact, where the advisory does not say whether the range has the flaw. `note`: what is
    wrong with the advisory's own word on it.
    """

    cve: str
    advisory: str
    released: str
    place: Place
    range: Range
    fixed: str = ""
    doubt: str = ""
    note: str = ""
