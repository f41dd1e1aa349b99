"""One estate and the fence derived from it: everything that can be said without touching the world."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from time import time
from typing import Any

import msgspec

from ringfence.analyse.reach import Reached, reach_from
from ringfence.app.questions import Questions
from ringfence.assess.constraints import constrained
from ringfence.errors import InputError, UsageError
from ringfence.estate.estate import Estate
from ringfence.segment.compile import WRITERS
from ringfence.segment.compile.writer import Write
from ringfence.segment.inventory import Inventory
from ringfence.segment.inventory_of import inventory_of
from ringfence.segment.model import PLANES, Artefact, Compiled, Policy, Proof, Residual
from ringfence.segment.overrides import Override, read_overrides
from ringfence.segment.policy import derive_policy
from ringfence.segment.prove import PROVERS
from ringfence.segment.prove.budget import prove_budgets
from ringfence.segment.prove.joined import closed, fenced
from ringfence.segment.scene import Scene
from ringfence.segment.seen import Seen
from ringfence.store import plain

METERED = "nftables"
"""The target that counts what leaves."""


class Design:
    """A fence on paper. `targets` limits what is compiled (default: every target that the estate can enforce)."""

    def __init__(
        self,
        estate: Estate,
        overrides: Sequence[Override] = (),
        targets: Sequence[str] = (),
        now: float | None = None,
    ) -> None:
        unknown = sorted(set(targets) - WRITERS.keys())
        if unknown:
            raise UsageError(f"no target is called {unknown[0]!r}", f"the targets are {', '.join(sorted(WRITERS))}")
        self.estate, self._overrides, self._targets = estate, overrides, targets
        self._now = time() if now is None else now

    @cached_property
    def policy(self) -> Policy:
        """Who needs to reach whom, and nothing else."""
        return derive_policy(self.estate, self._overrides, now=self._now, scene=self._scene)

    @cached_property
    def inventory(self) -> Inventory:
        """Addresses, ports, capacities, enforcers."""
        return inventory_of(self.estate, self._scene)

    @cached_property
    def _scene(self) -> Scene:
        return Scene(Seen(self.estate))

    @cached_property
    def targets(self) -> list[str]:
        """The targets compiled for: those asked for, else those that something here can enforce."""
        return [name for name in WRITERS if name in (self._targets or self.available)]

    @property
    def available(self) -> set[str]:
        """The targets that something here can enforce.

        Where one kind of fabric is fenced, the other is compiled too, so that it is told as open.
        """
        found = set(self.inventory.enforcers)
        kinds = {fabric.software for fabric in self.inventory.fabrics.values()}
        return found | kinds if found & kinds else found

    @cached_property
    def compiled(self) -> dict[str, Compiled]:
        """Per target what its writer made."""
        return self.compiled_of(self.policy)

    def compiled_of(self, policy: Policy, writers: Mapping[str, Write] | None = None) -> dict[str, Compiled]:
        """The same for another policy over the same cluster: the one between two others, or an earlier one.

        `writers` take the place of a target's own: those that know what is in force, or that only count.
        """
        known = {name: WRITERS[name].write for name in self.targets} | dict(writers or {})
        return {name: known[name](policy, self.inventory) for name in self.targets}

    def with_policy(self, policy: Policy, targets: Sequence[str] = ()) -> "Design":
        """This design with a policy that is given, not derived, and for these targets only, if any are named."""
        other = Design(self.estate, self._overrides, targets or self._targets, self._now)
        other.__dict__.update(policy=policy, inventory=self.inventory)
        return other

    def with_inventory(self, inventory: Inventory) -> "Design":
        """This design over a cluster of which more is known."""
        other = Design(self.estate, self._overrides, self._targets, self._now)
        known: dict[str, Any] = {name: self.__dict__[name] for name in ("policy", "_scene") if name in self.__dict__}
        other.__dict__.update(known, inventory=inventory)
        return other

    @cached_property
    def proofs(self) -> dict[str, Proof]:
        """Per target the verdict on what was compiled; `budgets` is that on what hosts let out."""
        found = {name: self.prove(name, one.artefacts) for name, one in self.compiled.items()}
        if METERED in self.compiled and self.policy.budgets:
            found["budgets"] = prove_budgets(self.policy, self.inventory, self.compiled[METERED].artefacts)
        return found

    def prove(self, target: str, artefacts: Sequence[Artefact]) -> Proof:
        """The verdict on artefacts of one target: those compiled, or those read back."""
        return self.proof_of(self.policy, target, artefacts, self.compiled[target].residuals)

    def proof_of(
        self, policy: Policy, target: str, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
    ) -> Proof:
        """The same against another policy."""
        return PROVERS[target].prove(policy, self.inventory, artefacts, residuals)

    @property
    def holds(self) -> bool:
        """Whether something was proven, and every proof holds."""
        return not self.unproven and all(proof.holds for proof in self.proofs.values())

    @property
    def unproven(self) -> str:
        """Why nothing at all was compiled, so that no proof says anything; empty where something was."""
        if self._written:
            return ""
        if not len(self.estate):
            return "the estate holds no fact"
        if not self.targets:
            return "nothing in the estate could enforce a fence"
        return f"nothing was compiled for {', '.join(self.targets)}"

    @cached_property
    def _joined(self) -> tuple[Estate, list[str]]:
        return fenced(self.estate, self.policy, self.inventory, list(self.proofs.values()), self._written)

    @property
    def _written(self) -> set[str]:
        """The targets that wrote something: a proof of nothing closes no plane."""
        return {name for name, one in self.compiled.items() if one.artefacts}

    @property
    def planes(self) -> list[str]:
        """The planes that count behind the fence: proven, with an enforcer."""
        return self._joined[1]

    @cached_property
    def before(self) -> Questions:
        """The estate as it is."""
        return Questions(self.estate)

    @cached_property
    def behind(self) -> Questions:
        """The estate behind the fence."""
        return Questions(self._joined[0])

    @cached_property
    def in_force(self) -> Questions | None:
        """The estate behind what this version puts in force itself; None where nothing is compiled only."""
        only = {name for name, one in self.compiled.items() if not one.enforced}
        if not only:
            return None
        proofs = [proof for name, proof in self.proofs.items() if name not in only]
        found = {target: where for target, where in self.inventory.enforcers.items() if target not in only}
        inventory = msgspec.structs.replace(self.inventory, enforcers=found)
        return Questions(fenced(self.estate, self.policy, inventory, proofs, self._written - only)[0])

    @property
    def open_planes(self) -> list[str]:
        """Planes on which nothing here holds anyone back."""
        shut = closed(self.proofs.values(), self._written)
        used = {plane for group in self.policy.groups.values() for plane in group.members}
        return [plane for plane in PLANES if plane in used - shut]

    # shapes

    def plan(self) -> dict[str, Any]:
        """`ringfence fence plan --json`."""
        kinds = Counter(group.kind for group in self.policy.groups.values())
        return {
            "groups": dict(sorted(kinds.items())),
            "allows": dict(Counter(allow.plane for allow in self.policy.allows)),
            "budgets": [_plain(budget) for budget in self.policy.budgets],
            "targets": [self._target(name) for name in self.targets],
            "open_planes": self.open_planes,
            "residuals": [
                _plain(one)
                for one in sorted({*self.policy.residuals, *(r for c in self.compiled.values() for r in c.residuals)})
            ],
        }

    def _target(self, name: str) -> dict[str, Any]:
        one = self.compiled[name]
        return {
            "target": name,
            "plane": one.plane,
            "enforced": one.enforced,
            "artefacts": len(one.artefacts),
            "bytes": sum(len(artefact.text) for artefact in one.artefacts),
            "loaded_by": len({host for artefact in one.artefacts for host in artefact.loaded_by}),
        }

    def verdicts(self) -> list[dict[str, Any]]:
        """The proofs, one entry a target."""
        return [
            {
                "target": name,
                "plane": proof.plane,
                "holds": proof.holds,
                "meant": proof.pairs,
                "leaks": sum(one.pairs for one in proof.differences if one.kind == "leak"),
                "breaks": sum(one.pairs for one in proof.differences if one.kind == "break"),
                "open_pairs": proof.open_pairs,
                "witnesses": [_plain(one) for one in proof.differences[:20]],
                "residuals": [_plain(one) for one in proof.residuals],
                "covers": proof.covers,
                "enforced": self.compiled[METERED if name == "budgets" else name].enforced,
            }
            for name, proof in self.proofs.items()
        ]

    def blast(self, held: Sequence[str]) -> dict[str, Any]:
        """What falls with these positions, before the fence and behind it."""
        return {
            "from": list(held),
            "before": _fallen(self.before, held),
            "behind": _fallen(self.behind, held),
            "enforced": _fallen(self.in_force, held) if self.in_force else None,
            "planes": self.planes,
            "paths": self.behind.worst(_reach(self.behind, held), 3),
        }


def _reach(asked: Questions, held: Sequence[str]) -> Reached:
    return reach_from(asked.graph, asked.footholds(held))


def _fallen(asked: Questions, held: Sequence[str]) -> dict[str, Any]:
    reached = _reach(asked, held)
    fallen = asked.fallen(reached)
    lost = sorted(asked.text(at) for at in asked.jewel_positions.tolist() if reached.mask[at])
    shells = sorted(host for host, what in fallen.items() if any(one.startswith("a shell") for one in what))
    return {
        "shells": shells,
        "memory_only": sorted(set(fallen) - set(shells)),
        "jewels": lost,
        "positions": len(reached) - len(reached.footholds),
    }


def _plain(value: Any) -> dict[str, Any]:

    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain


def design_of(estate: Estate, overrides: Sequence[Path] = (), targets: Sequence[str] = ()) -> Design:
    """A design with the exceptions of some files, and the constraints that the estate requires now.

    Raises `InputError` with file and line.
    """
    return Design(constrained(estate), [one for file in overrides for one in _overrides(file)], targets)


def _overrides(file: Path) -> tuple[Override, ...]:
    try:
        text = plain.text(file, "exceptions are TOML, UTF-8")
    except UsageError as error:
        raise InputError(error.what, remedy=error.remedy) from None
    return read_overrides(text, str(file))
