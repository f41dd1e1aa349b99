"""The subnet managers that the follower's settings name, ready to sweep."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ringfence.app.follow.settings import FabricSettings, Settings
from ringfence.collect.ib_tables import TableReader
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.opensm import Opensm
from ringfence.errors import InputError
from ringfence.segment.inventory import Fabric, Inventory

KEPT = 300.0
"""Seconds for which cables are relied on; `Sweeps.look` looks them up more often."""


def managers_of(settings: Settings, inventory: Inventory) -> Iterator[contextlib.AbstractContextManager[Opensm]]:
    """One per fabric. Raises `InputError` for a fabric that the estate does not know."""
    for one in settings.fabric:
        if one.name not in inventory.fabrics:
            known = ", ".join(sorted(inventory.fabrics)) or "none"
            raise InputError(f"the estate has no fabric {one.name!r}", remedy=f"it has {known}")
        yield _manager(one, inventory.fabrics[one.name], settings.deadline)


@contextlib.contextmanager
def _manager(one: FabricSettings, fabric: Fabric, deadline: float) -> Iterator[Opensm]:
    try:
        pid = int(Path(one.pid_file).read_text("ascii"))
    except (OSError, ValueError):
        raise InputError(f"{one.pid_file} names no running opensm") from None
    environment = {**os.environ, **one.environment} if one.environment else None
    with TableReader(environment) as reader:
        seat = LocalSeat(fabric.managers[0], Path(one.file), pid)
        yield Opensm(fabric, (seat,), reader, {}, deadline, KEPT)
