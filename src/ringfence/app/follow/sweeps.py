"""Partition keys as jobs come and go: whoever waits while a sweep runs is served by the next one, all together.

A subnet manager loads its whole file and sweeps its whole fabric, whatever has changed. So ten jobs that start
within one sweep cost one sweep more, not ten.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from ringfence.enforce.opensm import Opensm
from ringfence.errors import EnforceError, RingfenceError
from ringfence.segment.compile.partitions import Before, Plan, plan_fabrics, tables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Policy


class Sweeps:
    """The fabrics of a cluster. `now` gives the policy and inventory that are meant at the moment of a sweep."""

    def __init__(self, managers: Sequence[Opensm], now: Callable[[], tuple[Policy, Inventory]]) -> None:
        self._managers, self._now = tuple(managers), now
        self._sweeping, self._counting = Lock(), Lock()
        self._asked = self._served = 0
        self._failed: EnforceError | None = None
        self._keys: dict[str, frozenset[int]] = {}
        self.count = 0
        """Sweeps so far."""

    @property
    def there(self) -> bool:
        """Whether any fabric is followed."""
        return bool(self._managers)

    def bring(self) -> None:
        """What is meant now is in every table when this returns. Raises `EnforceError`."""
        if not self._managers:
            return
        with self._counting:
            self._asked += 1
            mine = self._asked
        with self._sweeping:
            if self._served < mine:
                with self._counting:
                    upto = self._asked
                self._failed = self._swept()
                self._served = upto
            if self._failed:
                raise self._failed

    def _swept(self) -> EnforceError | None:
        policy, inventory = self._now()
        try:
            for manager in self._managers:
                self._one(manager, policy, inventory)
        except EnforceError as error:
            return error
        except RingfenceError as error:
            return EnforceError(error.what, error.remedy)
        return None

    def _one(self, manager: Opensm, policy: Policy, inventory: Inventory) -> None:
        """One fabric. A key that any table held after the last sweep is given to nobody else in this one."""
        name = manager.fabric.name
        if name not in self._keys:
            self._keys[name] = _keys(manager.ports.seen().ends)
        before = {name: (Before(manager.read()).held(), self._keys[name])}
        plan = _only(plan_fabrics(policy, inventory, "opensm", before)[0], name)
        manager.intended = tables(plan)
        del self._keys[name]  # until it is read back, nobody knows what the tables hold
        self.count += len(manager.follow(plan))
        self._keys[name] = _keys(manager.intended)


def _only(plans: Sequence[Plan], name: str) -> Plan:
    for plan in plans:
        if plan.fabric.name == name:
            return plan
    raise EnforceError(f"no manager of {name} can be changed", "name the fabric in follow.toml")


def _keys(made: Mapping[int, Mapping[int, str]]) -> frozenset[int]:
    return frozenset(key for held in made.values() for key in held)
