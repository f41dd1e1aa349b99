"""UFM: the same keys as bodies of its REST interface, one artefact for a fabric.

        {"ours": {"rf.<group>.<hash>": {"pkey": "0x1001", "guids": […], "memberships": […]}},
         "left": [ … UFM's own partitions as it lists them, default one included … ]}

UFM gives a partition no name of ours, so the artefact of the last change is the ledger of which keys are ours; all
others are left alone, and enter the tables that are wanted and the proof. The default partition is UFM's: that
everyone is limited in it is a setting of UFM (`default_membership = limited`), which the enforcer asks for.
"""

from collections.abc import Mapping

import msgspec

from ringfence.segment.compile.keys import Key
from ringfence.segment.compile.partitions import Held, Plan, plan_fabrics
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy
from ringfence.wire.ibnet import ufm
from ringfence.wire.ibnet.ufm import Body, Listed, Wanted
from ringfence.wire.ibnet.values import DEFAULT_PKEY, FULL_BIT

TARGET = "ufm"


class Before(msgspec.Struct, frozen=True):
    """What is there: the artefact of our last change, what UFM lists, and the 15-bit keys that any table holds."""

    text: str = ""
    listed: tuple[Listed, ...] = ()
    busy: frozenset[int] = frozenset()

    def held(self) -> tuple[Held, frozenset[int]]:
        """What goes on from it. Raises `InputError` for a text that is no artefact of ours."""
        ours = {name: one.number for name, one in ufm.wanted(self.text.encode()).ours.items()} if self.text else {}
        there = {one.number for one in self.listed}
        foreign = [one for one in self.listed if one.number not in ours.values()]
        site = "\n".join(_stanza(one) for one in foreign if one.number != DEFAULT_PKEY and one.members)
        return Held(ours, (), site), self.busy | there


def compile_ufm(policy: Policy, inventory: Inventory, before: Mapping[str, Before] | None = None) -> Compiled:
    """One artefact `<fabric>/ufm-pkeys.json` for each fabric under UFM. Raises `InputError` as `compile_partitions`."""
    before = before or {}
    held = {name: one.held() for name, one in before.items()}
    plans, residuals = plan_fabrics(policy, inventory, TARGET, held)
    artefacts = tuple(
        Artefact(
            f"{one.fabric.name}/ufm-pkeys.json",
            text(one, before.get(one.fabric.name, Before()).listed),
            one.fabric.managers,
        )
        for one in plans
    )
    return Compiled(TARGET, "ib", artefacts, residuals)


def text(plan: Plan, listed: tuple[Listed, ...] = ()) -> str:
    """The artefact of a plan; `listed` is what UFM has now, of which all is left that the plan does not name."""
    ours = {key.name: _body(key) for key in plan.keys}
    numbers = {one.number for one in ours.values()}
    site = {_number(line) for line in plan.site.split("\n") if line}
    left = tuple(
        ufm.body(one.number, one.members)
        for one in listed
        if one.number not in numbers and one.number in site | {DEFAULT_PKEY}
    )
    return msgspec.json.format(msgspec.json.encode(Wanted(ours, left), order="deterministic")).decode() + "\n"


def _body(key: Key) -> Body:
    members = dict.fromkeys(key.limited, "limited") | dict.fromkeys(key.full, "full")
    return ufm.body(key.number, members, key.ipoib)


def _stanza(one: Listed) -> str:
    """UFM's own partition in the form in which a plan keeps what is not ours."""
    members = ", ".join(f"0x{guid:016x}={how}" for guid, how in sorted(one.members.items()))
    return f"ufm-{one.number:04x}=0x{one.number | FULL_BIT:04x} : {members};"


def _number(stanza: str) -> int:
    return int(stanza.partition("=0x")[2][:4], 16) & ~FULL_BIT
