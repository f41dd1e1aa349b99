"""All planes joined: the estate as it is once the fence stands, for the reach engine.

        Estate + Policy + proofs ─▶ facts taken away, facts added ─▶ Estate ─▶ derive ─▶ reach

Each file rewrites the facts of one plane. A plane counts only where its proof holds: then what is allowed is what
is meant, and what its residuals leave open. A plane without such a proof keeps its facts, so that the answer errs
on the side of the attacker.
"""

from collections.abc import Callable, Iterable, Sequence

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


def fenced(estate: Estate, policy: Policy, inventory: Inventory, proofs: Sequence[Proof]) -> tuple[Estate, list[str]]:
    """(the estate behind the fence, the planes that count). A plane counts if all its proofs hold."""
    counted = []
    for plane, changes in REWRITES.items():
        mine = [proof for proof in proofs if proof.plane == plane]
        if not mine or not all(proof.holds for proof in mine):
            continue
        residuals = [residual for proof in mine for residual in proof.residuals]
        removed, added = changes(View(estate, policy, inventory, plane, residuals))
        estate = estate.with_delta(added=list(added), removed=list(removed))
        counted.append(plane)
    return estate, counted
