"""All planes joined: the estate as it is once the fence stands, for the reach engine.

        Estate + Policy + proofs ─▶ facts taken away, facts added ─▶ Estate ─▶ derive ─▶ reach

Each file rewrites the facts of one plane. A plane counts only where its proof holds: then what is allowed is what
is meant, and what its residuals leave open. A plane without such a proof keeps its facts, so that the answer errs
on the side of the attacker. A proof of nothing holds as well: only a target that wrote something closes its plane.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Policy, Proof
from ringfence.segment.prove.joined import ib, imex, ip, login, nvlink, scheduler, storage
from ringfence.segment.prove.joined.view import View

Changes = tuple[Iterable[Fact], Iterable[Fact]]

REWRITES: dict[str, Callable[[View], Changes]] = {
    "ip": ip.changes,
    "ib": ib.changes,
    "storage": storage.changes,
    "login": login.changes,
    "imex": imex.changes,
    "nvlink": nvlink.changes,
    "scheduler": scheduler.changes,
}
"""Plane → (facts taken away, facts added), in the order in which they are applied: `storage` reads what `ip` left."""


KEEPS_NOBODY_OUT = frozenset({"xfrm"})
"""Targets that close no plane: they encrypt what is let through."""


def closed(proofs: Iterable[Proof], written: Collection[str]) -> set[str]:
    """Planes on which a target that keeps others out wrote something; `written` names the targets with artefacts."""
    return {proof.plane for proof in proofs if proof.target in written and proof.target not in KEEPS_NOBODY_OUT}


def fenced(
    estate: Estate, policy: Policy, inventory: Inventory, proofs: Sequence[Proof], written: Collection[str]
) -> tuple[Estate, list[str]]:
    """(the estate behind the fence, the planes that count). A plane counts if it is closed and all its proofs hold."""
    counted = []
    shut = closed(proofs, written)
    for plane, changes in REWRITES.items():
        mine = [proof for proof in proofs if proof.plane == plane]
        if plane not in shut or not all(proof.holds for proof in mine):
            continue
        residuals = [residual for proof in mine for residual in proof.residuals]
        removed, added = changes(View(estate, policy, inventory, plane, residuals))
        estate = estate.with_delta(added=list(added), removed=list(removed))
        counted.append(plane)
    return estate, counted
