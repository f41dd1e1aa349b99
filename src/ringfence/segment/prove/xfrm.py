"""Encryption between hosts: every pair that is meant to be covered is, at both ends, and no other is demanded.

A `leak` is a pair that would talk in clear, a `break` one whose ends do not agree: the one sends what the other drops.
"""

from collections.abc import Iterator, Sequence

from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Difference, Policy, Proof, Residual
from ringfence.segment.protected import protected
from ringfence.wire.host import xfrm

COVERS = "policies and states of ESP between gangs' hosts; not the keys themselves, nor whether the NIC took them"
_MOST = 1000
Key = tuple[str, str, str]
"""(source address, target address, reqid)"""


def prove_xfrm(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on each host's policies and states."""
    hosts = frozenset(inventory.enforcers.get("xfrm", ()))
    meant = protected(policy, inventory, hosts)
    demanded: dict[tuple[str, str], set[Key]] = {}
    held: dict[tuple[str, str], dict[Key, tuple[str, str]]] = {}
    for artefact in artefacts:
        data = artefact.text.encode()
        for host in artefact.loaded_by:
            if artefact.name.endswith("/policies"):
                for one in xfrm.policies(data):
                    demanded.setdefault((host, one.way), set()).add((one.source, one.target, one.reqid))
            else:
                for state in xfrm.states(data):
                    key = (state.source, state.target, state.reqid)
                    held.setdefault((host, state.way), {})[key] = (state.spi, state.key)
    of_address = {text: host for host in sorted(hosts) for text in inventory.addresses.get(host, ())}
    sent = {host: {of_address.get(key[1]): key for key in demanded.get((host, "out"), ())} for host in hosts}
    differences = sorted(_differences(meant, sent, demanded, held), reverse=True)
    told = tuple(sorted(one for one in residuals if one.target_name == "xfrm"))
    return Proof("ip", "xfrm", len(meant), tuple(differences[:_MOST]), told, 0, COVERS)


def _differences(
    meant: frozenset[tuple[str, str]],
    sent: dict[str, dict[str | None, Key]],
    demanded: dict[tuple[str, str], set[Key]],
    held: dict[tuple[str, str], dict[Key, tuple[str, str]]],
) -> Iterator[Difference]:
    for one, other in sorted(meant):
        key = sent[one].get(other)
        if key is None:
            yield Difference("leak", "ip", one, other, "any", 1, "no policy: it would be sent in clear")
        elif key not in demanded.get((other, "in"), ()):
            yield Difference("leak", "ip", one, other, "any", 1, "the receiver takes it in clear as well")
        elif key not in held.get((one, "out"), {}) or held[one, "out"][key] != held.get((other, "in"), {}).get(key):
            yield Difference("break", "ip", one, other, "any", 1, "the ends hold no common state")
    for one, targets in sorted(sent.items()):
        for found in sorted(str(target) for target in targets if (one, target) not in meant):
            yield Difference("break", "ip", one, found, "any", 1, "encryption is demanded that nobody meant")
