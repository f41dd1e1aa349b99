"""Compiling with what is in force in view, so that partition keys stay with their names and freed ones stay unused.

tables, files ─▶ before ─▶ stage 1 ─▶ its artefacts are what stage 2 goes on from ─▶ …
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from ringfence.app.fence.design import Design
from ringfence.app.fence.fabrics import OpensmFabric, UfmFabric
from ringfence.app.fence.run import told
from ringfence.app.fence.steps import Enforcers
from ringfence.app.fence.theirs import Theirs, theirs_of
from ringfence.errors import EnforceError
from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.compile.partitions import compile_partitions
from ringfence.segment.compile.ufm import compile_ufm
from ringfence.segment.compile.writer import Write
from ringfence.segment.model import Compiled, Difference, Policy
from ringfence.segment.prove.budget import prove_budgets

SHADOW: Mapping[str, Write] = {"nftables": partial(compile_nftables, shadow=True)}
"""Writers of rules that count what they would deny, and let it through."""

_KNOWING: Mapping[str, Any] = {"opensm": compile_partitions, "ufm": compile_ufm}
"""Writers that go on from what is in force."""


def compiled_stages(
    design: Design, policies: Iterable[Policy], enforcers: Enforcers, *,
    shadow: bool = False, known: Theirs | None = None,
) -> tuple[list[dict[str, Compiled]], Theirs]:  # fmt: skip
    """What each policy comes to, one after the other, and what others have beside it.

    `known`: what others had when the fence was applied; what they have put there since is then no part of it.
    Raises `EnforceError` where what is in force cannot be read.
    """
    before = _before(design, enforcers)
    theirs = known or theirs_of(before)
    for held in before.values() if known else ():
        held |= {name: theirs.only(name, one) for name, one in held.items()}
    found = []
    for policy in policies:
        writers = {target: partial(_KNOWING[target], before=held) for target, held in before.items()}
        compiled = {
            target: msgspec.structs.replace(one, residuals=(*one.residuals, *theirs.of(target)))
            for target, one in design.compiled_of(policy, SHADOW if shadow else writers).items()
        }
        before = {target: _next(held, compiled[target]) for target, held in before.items()}
        found.append(compiled)
    return found, theirs


def prove_stages(
    design: Design, policies: Sequence[Policy], compiled: Sequence[Mapping[str, Compiled]], shadow: bool = False
) -> None:
    """Raises `EnforceError` with the witnesses where a stage does not prove; in shadow mode everything is open."""
    for policy, made in zip(policies, compiled, strict=True):
        proofs = {name: design.proof_of(policy, name, one.artefacts, one.residuals) for name, one in made.items()}
        if "nftables" in made and policy.budgets and not shadow:
            proofs["budgets"] = prove_budgets(policy, design.inventory, made["nftables"].artefacts)
        for target, proof in proofs.items():
            wrong = [gap for gap in proof.differences if counts(gap, shadow)]
            if wrong:
                what = f"the proof of {target} does not hold; nothing was changed"
                raise EnforceError(what, "`ringfence fence prove` shows why", tuple(map(told, wrong[:20])))


def counts(gap: Difference, shadow: bool) -> bool:
    """Whether a difference is one: rules that only count let everything through, and are meant to."""
    return not (shadow and gap.kind == "leak")


def _before(design: Design, enforcers: Enforcers) -> dict[str, dict[str, Any]]:
    """Target → fabric → what its writer goes on from."""
    found: dict[str, dict[str, Any]] = {}
    for (target, where), one in enforcers.items():
        if target in design.targets and isinstance(one, OpensmFabric | UfmFabric):
            found.setdefault(target, {})[where.removeprefix("network:ib/")] = one.before()
    return found


def _next(before: Mapping[str, Any], compiled: Compiled) -> dict[str, Any]:
    """The same once this is in force; keys that a table held at the beginning stay busy."""
    texts = {one.name.partition("/")[0]: one.text for one in compiled.artefacts}
    return {
        name: msgspec.structs.replace(one, text=texts[name]) if name in texts else one for name, one in before.items()
    }
