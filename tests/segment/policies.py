"""Small random policies, and the ways in which a proof is asked whether it sees damage."""

import random
from collections.abc import Mapping, Sequence

import msgspec

from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Compiled, Group, Policy, Proof
from ringfence.segment.prove import PROVERS


def some(
    chance: random.Random, plane: str, sources: Sequence[str], targets: Sequence[str], what: Sequence[str] = ("any",)
) -> Policy:
    """Groups of sources, groups of targets, and a few allows between them. Endpoints may be in several groups."""
    groups = {}
    for kind, names in (("from", sources), ("to", targets)):
        for number in range(3):
            members = tuple(sorted(chance.sample(list(names), chance.randint(0, min(4, len(names))))))
            groups[f"{kind}{number}"] = Group(f"{kind}{number}", "gang", f"t{number}", {plane: members})
    groups["rest"] = Group("rest", "idle", "", {plane: tuple(sorted({*sources, *targets}))})
    allows = {
        Allow(f"from{chance.randrange(3)}", f"to{chance.randrange(3)}", plane, chance.choice(what), "test")
        for _ in range(chance.randint(0, 5))
    }
    return Policy(groups, tuple(sorted(allows)))


def proven(target: str, policy: Policy, inventory: Inventory, compiled: Compiled | None = None) -> Proof:
    """What the target's prover says of what its writer made, or of `compiled`."""
    made = compiled or WRITERS[target].write(policy, inventory)
    return PROVERS[target].prove(policy, inventory, made.artefacts, made.residuals)


def damaged(compiled: Compiled, old: str, new: str) -> Compiled:
    """The same with one text in its artefacts changed; it has to be there."""
    changed = tuple(msgspec.structs.replace(one, text=one.text.replace(old, new)) for one in compiled.artefacts)
    assert changed != compiled.artefacts, f"{old!r} stands in no artefact"
    return msgspec.structs.replace(compiled, artefacts=changed)


def fence(plane: str, members: Mapping[str, tuple[str, ...]], allows: Sequence[tuple[str, str, str]]) -> Policy:
    """Groups of one plane by name, and who may reach whom with what. Groups are tenants of their own."""
    groups = {name: Group(name, "gang", name, {plane: ends}) for name, ends in members.items()}
    return Policy(groups, tuple(Allow(source, to, plane, what, "test") for source, to, what in allows))
