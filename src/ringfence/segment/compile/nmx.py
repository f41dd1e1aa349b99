"""NMX-M: the body of one `POST /nmx/v1/partitions` for each set of accelerators that talk, rack by rack.

An accelerator is in one partition at most; one that is in none reaches no other over NVLink. Source: NMX-M's OpenAPI.
"""

import re

import msgspec

from ringfence.segment.cliques import by_domain, joined, open_residuals, surplus
from ringfence.segment.compile.parts import named
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy
from ringfence.segment.racks import nmx_id, racks

PLANE, TARGET = "nvlink", "nmx-m"
_ID = re.compile(r"\A[0-9a-fA-F]{24}\Z")


def compile_nmx(policy: Policy, inventory: Inventory) -> Compiled:
    """Request bodies for the domains that `inventory.enforcers` names. Compiled, not enforced here."""
    guarded = frozenset(inventory.enforcers.get(TARGET, ()))
    domains = by_domain(policy, PLANE, racks(inventory))
    artefacts, residuals = [], []
    for domain in (one for one in domains if one.name in guarded):
        sets = joined(domain)
        why, remedy = "an accelerator is in one partition at most", "give the workflows accelerators of their own"
        residuals += surplus(domain, sets, PLANE, TARGET, why, remedy)
        for members in sets:
            ids = sorted(one for one in (nmx_id(inventory, gpu) for gpu in members) if _ID.match(one))
            name = f"ringfence-{named(members)}"
            body = msgspec.json.format(msgspec.json.encode({"Name": name, "Members": ids}), indent=1).decode()
            if ids:
                artefacts.append(Artefact(f"nmx-m/{named([domain.name])}/{name}.json", body + "\n", (domain.name,)))
    bare = [one for one in domains if one.name not in guarded]
    why, remedy = "no NMX-M is known that partitions it", "name the domain that its NMX-M manages"
    residuals += open_residuals(bare, policy, PLANE, TARGET, why, remedy)
    return Compiled(TARGET, PLANE, tuple(artefacts), tuple(sorted(set(residuals))), enforced=False)
