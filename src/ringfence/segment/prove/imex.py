"""The IMEX plane: which hosts can map each other's accelerator memory, from daemons' node lists and channel devices."""

from collections.abc import Sequence
from itertools import combinations

from ringfence.segment.address import Index, span
from ringfence.segment.cliques import Domain, Pair, by_domain
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Policy, Proof, Residual
from ringfence.segment.prove.domains import judged
from ringfence.segment.racks import host_domains
from ringfence.wire.nvlink import imex

COVERS = "node lists and channel devices within each NVLink domain; not which process of a host opens a channel"


def prove_imex(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on `nodes_config.cfg`, and `channels.sh` or `channels.ls` (what `ls -l` said), of each host."""
    guarded = frozenset(inventory.enforcers.get("imex", ()))
    domains = by_domain(policy, "imex", host_domains(inventory))
    hosts = _Hosts(inventory, domains, artefacts)
    found = {domain.name: hosts.pairs(domain, guarded) for domain in domains}
    return judged(policy, "imex", "imex", domains, found, residuals, COVERS)


class _Hosts:
    """What each host holds and lists."""

    def __init__(self, inventory: Inventory, domains: Sequence[Domain], artefacts: Sequence[Artefact]) -> None:
        names = sorted({host for domain in domains for host in domain.members})
        self._index = Index({host: inventory.addresses.get(host, ()) for host in names}, names)
        self._by_name = {host.partition(":")[2]: host for host in names}
        self._held: dict[str, tuple[int, ...]] = {}
        self._listed: dict[str, frozenset[str]] = {}
        for artefact in artefacts:
            data, kind = artefact.text.encode(), artefact.name.rpartition("/")[2]
            if kind == "nodes_config.cfg":
                listed = frozenset(host for text in imex.nodes(data) for host in self._meant(text))
                self._listed |= dict.fromkeys(artefact.loaded_by, listed)
            elif kind in ("channels.sh", "channels.ls"):
                ls = kind.endswith("ls")
                held = tuple(one.number for one in imex.channels(data)) if ls else imex.made(data)
                self._held |= dict.fromkeys(artefact.loaded_by, held)

    def _meant(self, text: str) -> list[str]:
        if text in self._by_name:
            return [self._by_name[text]]
        return self._index.within(span(text)) if ":" in text or text.replace(".", "").isdigit() else []

    def pairs(self, domain: Domain, guarded: frozenset[str]) -> list[Pair]:
        """Who shares memory with whom: the same channel, and each in the other's list."""
        bare = frozenset(host for host in domain.members if host not in guarded or host not in self._held)
        of_channel: dict[int, set[str]] = {}
        for host in domain.members - bare:
            for number in self._held[host]:
                of_channel.setdefault(number, set()).add(host)
        found = [
            pair for holders in of_channel.values() for pair in self._listing(holders | bare, bare, domain.members)
        ]
        return [*found, (bare, bare)] if bare else found

    def _listing(self, holders: set[str], bare: frozenset[str], everyone: frozenset[str]) -> list[Pair]:
        lists: dict[frozenset[str], set[str]] = {}
        for host in holders:
            lists.setdefault(everyone if host in bare else self._listed.get(host, frozenset()), set()).add(host)
        found: list[Pair] = [(both, both) for listed, of in lists.items() if (both := frozenset(of) & listed)]
        for (listed, of), (others, of_others) in combinations(lists.items(), 2):
            one, other = frozenset(of) & others, frozenset(of_others) & listed
            if one and other:
                found.append((one, other))
        return found
