"""UFM: keys are set through its REST interface, and every port is read back, as with opensm.

        GET     resources/pkeys?guids_data=true      what UFM has
        PUT     resources/pkeys                      all members of one key
        DELETE  resources/pkeys/<key>                one of ours that is no longer wanted

A request that fails stops the change, and the error lists what was set before it. UFM's own partitions are never
written. Access tokens belong to the client that is handed in; they enter no message.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

import msgspec

from ringfence.enforce.ib_ports import DEADLINE, Ports, Reader
from ringfence.errors import EnforceError, InputError
from ringfence.segment.compile import ufm as writer
from ringfence.segment.compile.ib_steps import Step
from ringfence.segment.compile.partitions import Plan
from ringfence.segment.inventory import Fabric
from ringfence.segment.model import Artefact
from ringfence.segment.prove.ib import foretold
from ringfence.wire.ibnet import ufm
from ringfence.wire.ibnet.partitions import Tables
from ringfence.wire.ibnet.ufm import Body, Listed
from ringfence.wire.ibnet.values import DEFAULT_PKEY

if TYPE_CHECKING:
    import httpx

PKEYS = "resources/pkeys"


class Ufm:
    """One fabric under UFM. `owned`: the 15-bit keys of our last artefact; `intended`: what `apply` is to give.

    `client`: with the base URL (`https://…/ufmRest/`, or `ufmRestV3` with a token), its credentials and time-outs.
    """

    target = "ufm"

    def __init__(
        self,
        fabric: Fabric,
        client: "httpx.Client",
        reader: Reader,
        owned: Collection[int],
        intended: Tables,
        deadline: float = DEADLINE,
    ) -> None:
        self.fabric, self.client, self.intended = fabric, client, intended
        self.owned = frozenset(owned) - {DEFAULT_PKEY}
        self.where = fabric.name
        self.ports = Ports(fabric, reader, deadline)

    def listed(self) -> tuple[Listed, ...]:
        """The keys that UFM has. Raises `EnforceError`."""
        try:
            return ufm.listed(self._ask("GET", PKEYS, params={"guids_data": "true"}))
        except InputError as error:
            raise EnforceError(f"UFM's answer cannot be read: {error.what}", error.remedy) from None

    def read(self) -> str:
        """Our keys as UFM has them now, as an artefact; the others under `left`."""
        there = self.listed()
        ours = {f"0x{one.number:04x}": ufm.body(one.number, one.members) for one in there if one.number in self.owned}
        left = tuple(ufm.body(one.number, one.members) for one in there if one.number not in self.owned)
        return msgspec.json.encode(ufm.Wanted(ours, left)).decode()

    def apply(self, artefact: Artefact) -> None:
        """Put an artefact in force at once; `follow` does it in safe steps."""
        self._put(artefact.text, self.intended)

    def restore(self, before: str) -> None:
        """Bring back what `read` returned, for the keys that are ours, and read it back."""
        self._put(before, foretold(self.fabric, {f"{self.where}/ufm-pkeys.json": before}))

    def follow(
        self,
        plan: Plan,
        evicted: Collection[int] = frozenset(),
        between: Callable[[Step], None] | None = None,
    ) -> tuple[Step, ...]:
        """The sweeps that lead to the plan, each read back before the next. Raises `EnforceError`."""
        listed = self.listed()
        self._closed()
        return self.ports.follow(
            plan, lambda step: self._put(writer.text(step.plan, listed), step.tables), evicted, between
        )

    def _put(self, text: str, wanted: Tables) -> None:
        self._set(ufm.wanted(text.encode()).ours.values())
        self.ports.wait(wanted)

    def _closed(self) -> None:
        """Where UFM gives everyone full membership in its default partition, no key fences anything."""
        managers = set(self.fabric.manager_ports)
        for guid, held in self.ports.seen().ends.items():
            port = f"ibport:0x{guid:016x}"
            if held.get(DEFAULT_PKEY) == "full" and port not in managers and port in self.fabric.ports:
                raise EnforceError(
                    f"UFM makes {port} a full member of the default partition, so that it speaks with everyone",
                    "set default_membership = limited in gv.cfg and restart UFM",
                )

    def _set(self, bodies: Iterable[Body]) -> None:
        """All keys that are ours: those that differ are set, those not named are deleted."""
        now = {one.number: one.members for one in self.listed()}
        wanted = {body.number: body for body in bodies}
        if taken := [number for number in wanted if number in now and number not in self.owned]:
            raise EnforceError(
                f"key 0x{taken[0]:04x} is in use by a partition of UFM's own", "compile the policy again"
            )
        done: list[str] = []
        for number in sorted((self.owned & now.keys()) - wanted.keys()):
            self._step(done, "DELETE", f"{PKEYS}/0x{number:x}", None)
        for number, body in sorted(wanted.items()):
            self.owned |= {number}
            if now.get(number) != body.members():
                self._step(done, "PUT", PKEYS, msgspec.json.encode(body))

    def _step(self, done: list[str], method: str, path: str, content: bytes | None) -> None:
        try:
            self._ask(method, path, content=content)
        except EnforceError as error:
            raise EnforceError(error.what, "apply again: it is safe to repeat", tuple(done)) from None
        done.append(f"{method} {path}")

    def _ask(self, method: str, path: str, content: bytes | None = None, params: dict[str, str] | None = None) -> bytes:
        import httpx

        headers = {"Content-Type": "application/json"} if content else None
        try:
            answer = self.client.request(method, path, content=content, params=params, headers=headers)
        except httpx.HTTPError as error:
            raise EnforceError(f"UFM of {self.where} did not answer: {type(error).__name__}", "is it up?") from None
        if answer.status_code // 100 != 2:
            raise EnforceError(f"UFM of {self.where} refused {method} {path}: {answer.status_code}")
        return answer.content
