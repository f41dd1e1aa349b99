"""Partition keys as jobs come and go: whoever waits while a sweep runs is served by the next one, all together.

        those who wait ─▶ plan of everybody ─▶ sweeps, read back ─▶ served
                              │ does not fit          │ a port does not follow
                              └──▶ without the one whose fault it is, who is refused with the reason

A subnet manager loads its whole file and sweeps its whole fabric, whatever has changed. So ten jobs that start
within one sweep cost one sweep more, not ten. An event is read back from the ports that it concerns; `look` reads
every port of the fabric, once in a while.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from threading import Lock

from ringfence.app.follow.batch import guids, misfits, without
from ringfence.enforce.opensm import Opensm
from ringfence.errors import EnforceError, RingfenceError
from ringfence.segment.compile.ib_steps import Step, handed_over
from ringfence.segment.compile.partitions import Before, Plan, plan_fabrics, tables, text
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Policy
from ringfence.segment.prove.failopen import refuse
from ringfence.wire.ibnet.tables import Seen

Cleared = Callable[[Collection[int]], Collection[int]]
"""Ends what is open on ports (GUIDs) that change their tenant; those of which it cannot be said that nothing is."""

NOBODY = Policy({}, ())


class Sweeps:
    """The fabrics of a cluster. `now` gives the policy and inventory that are meant at the moment of a sweep.

    `cleared` is called for ports that change their tenant, after the sweep that cuts them and before the one that
    opens them; where it fails for a port, that port stays cut.
    """

    def __init__(
        self,
        managers: Sequence[Opensm],
        now: Callable[[], tuple[Policy, Inventory]],
        cleared: Cleared = lambda _: (),
    ) -> None:
        self._managers, self._now, self.cleared = tuple(managers), now, cleared
        self._sweeping, self._adding = Lock(), Lock()
        self._waiting: list[tuple[str, Future[None]]] = []
        self._keys: dict[str, frozenset[int]] = {}
        self._was: dict[str, Policy] = {}
        self._out: set[str] = set()
        self.count = 0
        """Sweeps so far."""

    @property
    def there(self) -> bool:
        """Whether any fabric is followed."""
        return bool(self._managers)

    def bring(self, gang: str = "") -> None:
        """What is meant now is in every table when this returns. Raises `EnforceError`, as `served` tells it."""
        for error in self.served([gang]).values():
            raise error

    def served(self, gangs: Collection[str]) -> dict[str, BaseException]:
        """Have the keys of these gangs, which begin, in the tables: read back from all their ports.

        Why not, for each that is not served; the others are, unless the fault is nobody's.
        """
        if not self._managers:
            return {}
        mine = [(gang, Future[None]()) for gang in gangs]
        with self._adding:
            self._waiting += mine
        with self._sweeping:
            if not all(one.done() for _, one in mine):
                with self._adding:
                    batch, self._waiting = self._waiting, []
                self._serve(batch)
        return {gang: error for gang, one in mine if (error := one.exception())}

    def look(self) -> list[str]:
        """Every table of every fabric, cables looked up afresh; what is not as meant, put right by a sweep.

        Gangs that were refused are tried once more. Raises `EnforceError`.
        """
        wrong = []
        for manager in self._managers:
            places = manager.ports.reader.places()
            with self._sweeping:
                if manager.fabric.name in self._keys and (found := _differing(manager.ports.take(places), manager)):
                    wrong += found
                    del self._keys[manager.fabric.name]
                    manager.ports.forget()
        if again := tuple(self._out):
            self.served(again)
        elif wrong:
            self.bring()
        return wrong

    def _serve(self, batch: Sequence[tuple[str, Future[None]]]) -> None:
        refused: dict[str, RingfenceError] = {}
        failed: BaseException | None = None
        begun = list(dict.fromkeys(gang for gang, _ in batch if gang))
        try:
            policy, inventory = self._now()
            self._out = {gang for gang in self._out if gang in policy.groups} - set(begun)
            for manager in self._managers:
                left = [gang for gang in begun if gang not in self._out]
                refused |= self._one(manager, policy, inventory, left)
                self._out |= refused.keys()
        except BaseException as error:  # whoever waits must not wait for ever
            failed = error
        for gang, waiting in batch:
            if why := refused.get(gang) or failed:
                waiting.set_exception(_told(why))
            else:
                waiting.set_result(None)

    def _one(
        self, manager: Opensm, policy: Policy, inventory: Inventory, begun: Sequence[str]
    ) -> dict[str, RingfenceError]:
        """One fabric, and who of those that begin is refused."""
        try:
            self._swept(manager, policy, inventory, begun, frozenset(self._out))
            return {}
        except RingfenceError as error:
            refused = self._at_fault(manager, policy, inventory, begun, error)
            if not refused:
                raise
        left = [gang for gang in begun if gang not in refused]
        self._swept(manager, policy, inventory, left, self._out | refused.keys())
        return refused

    def _at_fault(
        self, manager: Opensm, policy: Policy, inventory: Inventory, begun: Sequence[str], error: RingfenceError
    ) -> dict[str, RingfenceError]:
        if late := manager.ports.late:
            return {gang: error for gang in begun if not late.isdisjoint(guids(policy, [gang]))}

        def why_not(out: Collection[str]) -> RingfenceError | None:
            try:
                plan = self._plan(manager, policy, inventory, self._out.union(out))
            except RingfenceError as wrong:
                return wrong
            problems = refuse(text(plan), manager.fabric, tables(plan))
            return EnforceError(problems[0].what, problems[0].remedy) if problems else None

        return misfits(begun, why_not) if begun else {}

    def _swept(
        self, manager: Opensm, policy: Policy, inventory: Inventory, begun: Sequence[str], out: Collection[str]
    ) -> None:
        """One fabric. A key that any table held after the last sweep is given to nobody else in this one."""
        name = manager.fabric.name
        plan = self._plan(manager, policy, inventory, out)
        meant = without(policy, frozenset(out), self._was.get(name, NOBODY))
        evicted = handed_over(self._was[name], meant) if name in self._was else frozenset()
        manager.intended = tables(plan)
        del self._keys[name]  # until it is read back, nobody knows what the tables hold
        between = _between(manager, evicted, self.cleared)
        self.count += len(manager.follow(plan, evicted, between, guids(meant, begun)))
        self._keys[name] = _keys(manager.intended)
        self._was[name] = meant

    def _plan(self, manager: Opensm, policy: Policy, inventory: Inventory, out: Collection[str]) -> Plan:
        name = manager.fabric.name
        if name not in self._keys:
            self._keys[name] = manager.ports.seen().keys()
        meant = without(policy, frozenset(out), self._was.get(name, NOBODY))
        before = {name: (Before(manager.read()).held(), self._keys[name])}
        return _only(plan_fabrics(meant, inventory, "opensm", before)[0], name)


def _between(manager: Opensm, evicted: frozenset[int], cleared: Cleared) -> Callable[[Step], None]:
    """What is done between two sweeps: ports that change their tenant are clear before anything is opened."""

    def clear(step: Step) -> None:
        if step.what == "cut" and evicted and (left := frozenset(cleared(evicted))):
            manager.ports.late = left
            named = tuple(f"ibport:0x{guid:016x}" for guid in sorted(left))
            raise EnforceError(f"what the last tenant left open at {named[0]} is not known to be ended", left=named)

    return clear


def _differing(seen: Seen, manager: Opensm) -> list[str]:
    """What ports hold beside what is meant, each in a line."""
    wrong = [f"ibport:0x{guid:016x} does not show its table" for guid in seen.unread]
    for guid, wanted in sorted(manager.meant.items()):
        if guid in seen.ends and guid in seen.leaves and not seen.ends[guid] == wanted == seen.leaves[guid]:
            wrong.append(f"ibport:0x{guid:016x} holds another table than is meant")
    return wrong


def _only(plans: Sequence[Plan], name: str) -> Plan:
    for plan in plans:
        if plan.fabric.name == name:
            return plan
    raise EnforceError(f"no manager of {name} can be changed", "name the fabric in follow.toml")


def _told(error: BaseException) -> BaseException:
    """One for each who waits: an exception that several raise would gather their traces."""
    if not isinstance(error, RingfenceError):
        return error
    return EnforceError(error.what, error.remedy, getattr(error, "left", ()))


def _keys(made: dict[int, dict[int, str]]) -> frozenset[int]:
    return frozenset(key for held in made.values() for key in held)
