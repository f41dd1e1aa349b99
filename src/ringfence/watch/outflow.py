"""How much may leave before it matters: a part of the smallest weights that whoever sends it may read."""

from ringfence.watch.detector import View
from ringfence.watch.rows import Who, account
from ringfence.watch.site import Data

LEAST, MOST, UNKNOWN = 64 << 20, 4 << 30, 1 << 30
"""Bytes: never less (updates, logs), never more, and where no size is known."""


def readable(view: View, one: Who) -> list[Data]:
    """Weights that an account or job may read by the estate; with none told of it, those of its tenant."""
    names = {f"identity:{one.user}", one.job}
    mine = account(view, one.job, one.user)
    found = []
    for data in view.site.data().values():
        if data.size > 0 and data.entity.startswith(("model:", "checkpoint:")):
            tenant = data.tenant.removeprefix("tenant:")
            untold = data.anybody or not (data.readers or tenant)
            if untold or names & data.readers or (mine and tenant == mine):
                found.append(data)
    return found


def limit(view: View, one: Who, part: float) -> tuple[float, Data | None]:
    """Bytes that are worth a signal, and the weights that they are measured by."""
    found = min(readable(view, one), key=lambda data: (data.size, data.entity), default=None)
    if found is None:
        return float(UNKNOWN), None
    return min(max(part * found.size, LEAST), MOST), found
