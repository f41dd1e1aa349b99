"""What some hosts are to load now: compiled for them alone, and proven before anybody sees it.

The artefact of a host depends on the groups that it is in and on whom these may meet. So the part of the policy that
says this, compiled for these hosts alone, gives the very bytes that compiling everything would give them; a test
holds the two equal.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from ringfence.app.follow.condense import condensed
from ringfence.app.follow.standing import Standing
from ringfence.errors import EnforceError
from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Policy, Proof
from ringfence.segment.prove import PROVERS

FOLLOWED = ("nftables", "sshd")
"""Targets of which each host of a job loads one artefact. The others change with `fence apply`, not with a job."""

Place = tuple[str, str]
"""(target, host)."""


class Wanted(msgspec.Struct, frozen=True):
    """What one place is to hold. `covers`: numbers of the jobs whose compartments stand in it, sorted."""

    name: str
    text: str
    covers: tuple[str, ...]


class Judge(msgspec.Struct, frozen=True):
    """The policy and inventory against which artefacts of one target are proven, compiled or read back."""

    target: str
    policy: Policy
    inventory: Inventory
    residuals: tuple[object, ...]

    def proof(self, artefacts: Sequence[Artefact]) -> Proof:
        """The verdict on these artefacts."""
        return PROVERS[self.target].prove(self.policy, self.inventory, artefacts, self.residuals)  # type: ignore[arg-type]


class Making(msgspec.Struct, frozen=True):
    """What hosts are to load, and who judges it, by target."""

    wanted: Mapping[Place, Wanted]
    judges: Mapping[str, Judge]

    def judged(self, target: str, artefacts: Sequence[Artefact]) -> None:
        """Raises `EnforceError` with the witnesses where these artefacts are not what is meant."""
        proof = self.judges[target].proof(artefacts)
        if not proof.holds:
            told = tuple(
                f"{one.kind} on {one.plane}: {one.source} → {one.target} {one.what}" for one in proof.differences[:20]
            )
            raise EnforceError(f"{target}: what is to be in force is not what is meant: {told[0]}", left=told)


def made(standing: Standing, targets: Iterable[str], policy: Policy, hosts: Collection[str]) -> Making:
    """The artefacts of these hosts, proven. Raises `EnforceError` where a proof does not hold."""
    wanted: dict[Place, Wanted] = {}
    judges = {}
    for target in targets:
        plane, inventory = WRITERS[target].plane, standing.inventory_for(target, hosts)
        if not inventory.enforcers[target]:
            continue
        part = standing.part(policy, plane, hosts)
        if plane == "ip":
            part, inventory = condensed(part, plane, inventory, hosts)
        compiled = WRITERS[target].write(part, inventory)
        judges[target] = Judge(target, part, inventory, compiled.residuals)
        for one in compiled.artefacts:
            for host in one.loaded_by:
                wanted[target, host] = Wanted(one.name, one.text, standing.jobs_on(host))
        Making(wanted, judges).judged(target, compiled.artefacts)
    return Making(wanted, judges)


def followed(inventory: Inventory, asked: Sequence[str]) -> tuple[str, ...]:
    """The targets to follow: those asked for, else all that something here enforces."""
    return tuple(name for name in FOLLOWED if name in WRITERS and name in (asked or inventory.enforcers))
