"""What a seeded fault is, and the ways in which one gets into a writer.

A fault is made from the inside where that can be: the real writer runs with one of its own functions or values
exchanged for a wrong one (`inside`), or on a policy or an inventory that it saw wrongly (`misread`, `mistook`). Where
only a line of the text is at stake, the text is edited (`edited`), and the edit has to find something to change.
"""

from collections.abc import Callable
from typing import Any
from unittest import mock

import msgspec

from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Artefact, Compiled, Group, Policy, Proof


class Scene(msgspec.Struct, frozen=True):
    """One target's writer and prover, the policy that is to be put in force, and the world around it."""

    writer: Callable[[Policy, Inventory], Compiled]
    prover: Callable[..., Proof]
    policy: Policy
    inventory: Inventory

    def write(self) -> Compiled:
        """What the real writer makes."""
        return self.writer(self.policy, self.inventory)

    def prove(self, made: Compiled) -> Proof:
        """What the real prover says of it; it knows what is meant, and nothing of how it was made."""
        return self.prover(self.policy, self.inventory, made.artefacts, made.residuals)


Way = Callable[[Scene], Compiled]


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong. `ends`: groups between which a witness lies, `*` for any end.

    `kind`: leak or break; `refused` where the prover cannot even read it, and says so.
    """

    what: str
    kind: str
    ends: tuple[str, str]
    wrong: Way


def inside(holder: object, name: str, change: Callable[[Any], Any]) -> Way:
    """The writer runs with `holder.name` exchanged for what `change` makes of it."""

    def run(scene: Scene) -> Compiled:
        with mock.patch.object(holder, name, change(getattr(holder, name))):
            return scene.write()

    return run


def untold(way: Way) -> Way:
    """The same, and the writer does not tell of what it opened: it believes in what it meant to write."""
    return lambda scene: msgspec.structs.replace(way(scene), residuals=scene.write().residuals)


def misread(change: Callable[[Policy], Policy]) -> Way:
    """The writer sees another policy than the one that is meant."""
    return lambda scene: msgspec.structs.replace(scene, policy=change(scene.policy)).write()


def mistook(change: Callable[[Inventory], Inventory]) -> Way:
    """The writer takes the world for another one."""
    return lambda scene: msgspec.structs.replace(scene, inventory=change(scene.inventory)).write()


def edited(old: str, new: str, where: str = "") -> Way:
    """One text in the artefacts is another; `where`: only in those with this in their name or among their loaders."""

    def run(scene: Scene) -> Compiled:
        made = scene.write()
        chosen = [one for one in made.artefacts if not where or where in one.name or where in one.loaded_by]
        assert any(old in one.text for one in chosen), f"{old!r} stands in no artefact"
        return _with(made, lambda one: _text(one, one.text.replace(old, new)) if one in chosen else one)

    return run


def lost(where: str) -> Way:
    """One that should load an artefact does not."""
    return lambda scene: _with(scene.write(), lambda one: _loaded(one, tuple(x for x in one.loaded_by if x != where)))


def without(name: str) -> Way:
    """The artefacts with this in their name are never written."""

    def run(scene: Scene) -> Compiled:
        made = scene.write()
        return msgspec.structs.replace(made, artefacts=tuple(one for one in made.artefacts if name not in one.name))

    return run


def swapped(one: str, other: str) -> Way:
    """Two loaders have each other's artefacts."""
    turn = {one: other, other: one}
    return lambda scene: _with(
        scene.write(), lambda made: _loaded(made, tuple(sorted(turn.get(at, at) for at in made.loaded_by)))
    )


def joining(group: str, plane: str, *ends: str) -> Callable[[Policy], Policy]:
    """A policy in which these endpoints belong to a group as well."""
    return lambda policy: _regrouped(policy, group, plane, (*policy.groups[group].on(plane), *ends))


def leaving(group: str, plane: str, *ends: str) -> Callable[[Policy], Policy]:
    """A policy in which these endpoints do not belong to a group."""
    return lambda policy: _regrouped(policy, group, plane, set(policy.groups[group].on(plane)) - {*ends})


def ruled(change: Callable[[Allow], Allow | None]) -> Callable[[Policy], Policy]:
    """A policy with each rule changed; None: without it."""
    return lambda policy: msgspec.structs.replace(policy, allows=tuple(filter(None, map(change, policy.allows))))


def saying(old: str, new: str) -> Callable[[Policy], Policy]:
    """A policy in which one kind of traffic is another."""
    return ruled(lambda allow: msgspec.structs.replace(allow, what=new) if allow.what == old else allow)


def more(source: str, target: str, plane: str, what: str = "any") -> Callable[[Policy], Policy]:
    """A policy with one rule more."""
    rule = Allow(source, target, plane, what, "read into it")
    return lambda policy: msgspec.structs.replace(policy, allows=(*policy.allows, rule))


def _regrouped(policy: Policy, name: str, plane: str, ends: Any) -> Policy:
    group = policy.groups[name]
    assert set(ends) != set(group.on(plane)), f"{name} has just these on {plane}"
    fresh = Group(name, group.kind, group.tenant, {**group.members, plane: tuple(sorted(set(ends)))})
    return msgspec.structs.replace(policy, groups={**policy.groups, name: fresh})


def _with(made: Compiled, change: Callable[[Artefact], Artefact]) -> Compiled:
    return msgspec.structs.replace(made, artefacts=tuple(map(change, made.artefacts)))


def _text(one: Artefact, text: str) -> Artefact:
    return Artefact(one.name, text, one.loaded_by)


def _loaded(one: Artefact, by: tuple[str, ...]) -> Artefact:
    return Artefact(one.name, one.text, by)
