"""What a plan stands on: one estate, who is where in it, what can be cut there and by whom. Built once per estate.

estate ─▶ owner (which host has it) ─┐
graph  ─▶ carrier of each edge ──────┼─▶ pairs: the edges that cutting a host off takes away
reachable (target, place) ───────────┘
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.jobs import jobs_of
from ringfence.analyse.positions import CAPABILITY_CODE, WIDTH, split
from ringfence.analyse.positions import text as position_text
from ringfence.analyse.reach import Graph
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate
from ringfence.estate.kinds import JEWELS, KINDS, OUTSIDE, kind_of

IP, FABRIC, PORT = 1, 2, 4
"""What carries an edge from one host to another: packets that its firewall sees; what passes by its partitions; what
only a port that is off ends (management datagrams obey no partition key). 0: nothing that we can cut."""

Bools = NDArray[np.bool_]
Numbers = NDArray[np.int64]

_CODE = {name: at for at, name in enumerate(KINDS)}
_UNCUT_FROM = [_CODE[name] for name in ("nvlink", "imex", "bmc")]
_UNCUT_TO = [_CODE[name] for name in ("nvlink", "imex", "bmc", "gpu")]
_DATA = [_CODE[name] for name in JEWELS]
_WORK = [_CODE[name] for name in ("job", "pod", "container")]
_OWNS = ("has_gpu", "has_port", "managed_by")
_OWNED = ("exported_by", "runs_on")
_UNUSABLE = 100


class Ground:
    """`jewels` are position numbers in `graph`; `reachable` the (target, place) at which something can be cut.

    `digest` and `taken` (seconds since the epoch) are the estate's SHA-256 and when it was observed, told in plans.
    """

    def __init__(
        self,
        estate: Estate,
        graph: Graph,
        jewels: Iterable[int],
        reachable: frozenset[tuple[str, str]],
        digest: str = "",
        taken: float = 0.0,
    ) -> None:
        self.estate, self.graph, self.reachable = estate, graph, reachable
        self.jewels = np.array(sorted(set(jewels)), np.int64)
        self.digest, self.taken = digest, taken
        self.kept: dict[tuple[int, frozenset[str]], Bools] = {}  # what can be cut at all, per grade and protection

    def prepare(self) -> None:
        """Work out now what is worked out once: the first incident does not wait for it."""
        _ = self.pairs, self.lacking, self.is_local, self.jobs_on, self.addresses, self.ports, self.clusters
        _ = (
            self._served,
            self._clients,
            self.host_at,
            self.keys,
            self.logins,
            self.graph.forward,
            self.user_position,
            self.movable,
        )

    def can(self, target: str, place: str) -> bool:
        """Whether this driver can be reached at this place."""
        return (target, place) in self.reachable

    def text(self, number: int) -> str:
        """`entity#capability` of a position number."""
        return position_text(self.estate, int(self.graph.positions[number]))

    def number(self, position: str) -> int:
        """The number of a position: -1 where no move touches it, -2 where the estate does not know the entity."""
        try:
            entity, capability = split(position)
        except UsageError:
            return -2
        term = self.estate.terms.find(entity)
        return self.graph.index(term * WIDTH + CAPABILITY_CODE[capability]) if self._is_here(term) else -2

    def entity(self, term: int) -> str:
        """The entity's id."""
        return self.estate.terms.values[term]

    def host_of(self, entity: str) -> str:
        """The host that has an accelerator, port, controller, service, export or single-host job; "" where none is."""
        if entity.startswith("host:"):
            return entity
        term = self.estate.terms.find(entity)
        at = int(self.owner[term]) if 0 <= term < len(self.owner) else -1
        return self.hosts[at] if at >= 0 else ""

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """All hosts, in the order of their codes; an index into it stands for a host everywhere here."""
        terms = self.estate.entities[self.estate.kinds[self.estate.entities] == _CODE["host"]]
        return tuple(self.entity(int(term)) for term in terms)

    @cached_property
    def host_index(self) -> Mapping[str, int]:
        """Host → its index."""
        return {name: at for at, name in enumerate(self.hosts)}

    @cached_property
    def kinds(self) -> NDArray[np.int16]:
        """Per term the index of its kind in `KINDS`; moves name terms that no fact does."""
        known, terms = self.estate.kinds, self.estate.terms.values
        most = int(self.graph.positions.max(initial=-1)) // WIDTH + 1
        more = [_CODE.get(kind_of(terms[at]), -1) for at in range(len(known), most)]
        return np.concatenate([known, np.array(more, np.int16)])

    @cached_property
    def owner(self) -> NDArray[np.int32]:
        """Per term the index of the one host that has it, -1 where none or several do."""
        found = np.full(len(self.kinds), -1, np.int32)
        index = found.copy()
        index[[self.estate.terms.find(name) for name in self.hosts]] = np.arange(len(self.hosts), dtype=np.int32)
        several = np.zeros(len(found), np.bool_)
        for names, thing, place in ((_OWNS, "object", "subject"), (_OWNED, "subject", "object")):
            for name in names:
                table = self.estate.table(name)
                things, hosts = getattr(table, thing)[table.live], index[getattr(table, place)[table.live]]
                things, hosts = things[hosts >= 0], hosts[hosts >= 0]
                found[things] = hosts
                several[things[found[things] != hosts]] = True
        found[several] = -1
        return np.where(index >= 0, index, found).astype(np.int32)

    @cached_property
    def carrier(self) -> NDArray[np.uint8]:
        """Per edge what carries it if its ends are apart: bits of `IP`, `FABRIC`, `PORT`."""
        kinds = np.append(self.kinds[self.graph.positions // WIDTH], -1)
        start, to = kinds[self.graph.start], kinds[self.graph.to]
        infiniband = np.append(self._is_infiniband[self.graph.positions // WIDTH], False)
        from_ib, to_ib = infiniband[self.graph.start].any(axis=1), infiniband[self.graph.to]
        found = np.full(len(to), IP, np.uint8)
        found[(start == _CODE["ibport"]).any(axis=1) | from_ib] = FABRIC | PORT
        found[from_ib & (to == _CODE["service"])] = IP | FABRIC | PORT
        found[(start == _CODE["host"]).any(axis=1) & to_ib] = PORT
        # What runs on a host is that host's already; what lies in memory or on NVLink passes no firewall.
        found[np.isin(start, _WORK).any(axis=1) & (to == _CODE["host"])] = 0
        read = np.isin(to, _DATA) & (self.graph.positions[self.graph.to] % WIDTH == CAPABILITY_CODE["read"])
        found[np.isin(start, _UNCUT_FROM).any(axis=1) | np.isin(to, _UNCUT_TO) | read] = 0
        return found

    @cached_property
    def ends(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(owner of each start: int32[m, 3], owner of the end: int32[m]), -1 where there is none."""
        owner = np.append(self.owner[self.graph.positions // WIDTH], np.int32(-1))
        return owner[self.graph.start], owner[self.graph.to]

    @cached_property
    def is_local(self) -> Bools:
        """Edges that no cut of ours could end: both ends on one host, or carried by nothing that we can cut."""
        start, to = self.ends
        found: Bools = (self.carrier == 0) | ((to >= 0) & (start == to[:, None]).any(axis=1))
        return found

    @cached_property
    def pairs(self) -> tuple[Numbers, Numbers]:
        """(first, edge): for each host the edges between it and elsewhere, those into it too."""
        start, to = self.ends
        far = np.flatnonzero(~self.is_local)
        hosts, edges = [to[far]], [far]
        for slot in range(start.shape[1]):
            hosts.append(start[far, slot])
            edges.append(far)
        host, edge = np.concatenate(hosts), np.concatenate(edges)
        host, edge = host[host >= 0], edge[host >= 0]
        order = np.argsort(host, kind="stable")
        first = np.searchsorted(host[order], np.arange(len(self.hosts) + 1))
        return first.astype(np.int64), edge[order].astype(np.int64)

    @cached_property
    def lacking(self) -> NDArray[np.int8]:
        """How many starts each edge lacks before anything is held; edges that rest on what was not asked never fire."""
        found = self.graph.need.copy()
        found[self.graph.edges.unknown] = _UNUSABLE
        return found

    @cached_property
    def is_jewel(self) -> Bools:
        """Per position whether it is a jewel."""
        found = np.zeros(len(self.graph), np.bool_)
        found[self.jewels] = True
        return found

    @cached_property
    def outside(self) -> int:
        """The number of "can send to the outside", -1 where no move leads there."""
        return max(self.number(f"{OUTSIDE}#send"), -1)

    @cached_property
    def user_position(self) -> Mapping[str, int]:
        """Host → the number of its `#user` position."""
        code = CAPABILITY_CODE["user"]
        here = self.graph.positions
        users = np.flatnonzero((here % WIDTH == code) & (self.kinds[here // WIDTH] == _CODE["host"]))
        return {self.entity(int(here[at] // WIDTH)): int(at) for at in users}

    @cached_property
    def movable(self) -> Mapping[str, Numbers]:
        """Kind of the start → edges that a verb at an account, a key or a job can end."""
        kinds = np.append(self.kinds[self.graph.positions // WIDTH], -1)
        start, to = kinds[self.graph.start], kinds[self.graph.to]
        far = ~self.is_local
        return {
            "submit": np.flatnonzero((start == _CODE["identity"]).any(axis=1) & (to == _CODE["partition"])),
            "role": np.flatnonzero((start == _CODE["identity"]).any(axis=1) & (to == _CODE["role"])),
            "key": np.flatnonzero((start == _CODE["credential"]).any(axis=1) & far),
            "job": np.flatnonzero((start == _CODE["job"]).any(axis=1) & far & (self.carrier & IP > 0)),
        }

    # who is where

    @cached_property
    def jobs_on(self) -> Mapping[str, frozenset[str]]:
        """Host → the jobs and pods that run on it."""
        found: dict[str, set[str]] = defaultdict(set)
        for job, hosts in self.hosts_of_job.items():
            for host in hosts:
                found[host].add(job)
        return {host: frozenset(jobs) for host, jobs in found.items()}

    @cached_property
    def hosts_of_job(self) -> Mapping[str, tuple[str, ...]]:
        """Job or pod → the hosts it runs on, sorted."""
        found: dict[str, set[str]] = defaultdict(set)
        for fact in self.estate.facts("runs_on"):
            if fact.subject.startswith(("job:", "pod:")):
                found[fact.subject].add(fact.object)
        return {job: tuple(sorted(hosts)) for job, hosts in found.items()}

    @cached_property
    def user_of_job(self) -> Mapping[str, str]:
        """Job → the account it runs as."""
        return {fact.subject: fact.object for fact in self.estate.facts("runs_as") if fact.subject.startswith("job:")}

    def disturbed(self, host: str) -> frozenset[str]:
        """The jobs that notice when this host is cut off: those on it and those that it serves."""
        return self.jobs_on.get(host, frozenset()) | self._served.get(host, frozenset())

    @cached_property
    def _served(self) -> Mapping[str, frozenset[str]]:
        """Host → jobs that mount what it exports, or whose scheduler or fabric it runs."""
        things: dict[str, set[int]] = defaultdict(set)
        for predicate in ("exported_by", "controls", "sm_on"):
            for fact in self.estate.facts(predicate):
                host, thing = (fact.subject, fact.object) if predicate == "controls" else (fact.object, fact.subject)
                if host.startswith("host:"):
                    things[host].add(self.estate.terms.find(thing))
        terms = np.array(sorted({term for of in things.values() for term in of}), np.int64)
        users = jobs_of(self.estate, terms) if len(terms) else {}
        return {host: frozenset(self.entity(job) for term in of for job in users[term]) for host, of in things.items()}

    def felt(self, host: str) -> frozenset[str]:
        """The hosts that notice when this one is cut off: itself and those that it serves."""
        return self._clients.get(host, frozenset()) | {host}

    @cached_property
    def _clients(self) -> Mapping[str, frozenset[str]]:
        """Host → hosts that mount what it exports, or take work from its scheduler, or hang on its subnet manager."""
        users: dict[str, set[str]] = defaultdict(set)
        for fact in self.estate.facts("mounts", "in_cluster"):
            if fact.subject.startswith("host:"):
                users[fact.object].add(fact.subject)
        for host, ports in self.ports.items():
            for _, fabric in ports:
                users[fabric].add(host)
        found: dict[str, set[str]] = defaultdict(set)
        for fact in self.estate.facts("exported_by", "sm_on"):
            found[fact.object] |= users.get(fact.subject, set())
        for fact in self.estate.facts("controls"):
            found[fact.subject] |= users.get(fact.object, set())
        return {host: frozenset(those) for host, those in found.items() if those}

    @cached_property
    def addresses(self) -> Mapping[str, tuple[str, ...]]:
        """Host or workstation → its addresses, sorted."""
        found: dict[str, set[str]] = defaultdict(set)
        for fact in self.estate.facts("attached_to"):
            if fact.subject.startswith(("host:", "workstation:")) and (at := fact.attributes.get("address")):
                found[fact.subject].add(str(at).partition("/")[0])
        return {host: tuple(sorted(those)) for host, those in found.items()}

    @cached_property
    def host_at(self) -> Mapping[str, str]:
        """Address → the host that has it."""
        return {one: host for host, those in self.addresses.items() for one in those}

    @cached_property
    def ports(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Host → its InfiniBand ports as (`0x…` GUID, `network:ib/<fabric>`), sorted."""
        fabric = {fact.subject: fact.object for fact in self.estate.facts("on_fabric")}
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for fact in self.estate.facts("has_port"):
            place = fabric.get(fact.object, "")
            if fact.subject.startswith("host:") and place.startswith("network:ib/"):
                found[fact.subject].append((fact.object.removeprefix("ibport:"), place))
        return {host: tuple(sorted(set(ports))) for host, ports in found.items()}

    @cached_property
    def clusters(self) -> Mapping[str, tuple[str, ...]]:
        """Host, account, job or partition → the clusters that it belongs to, sorted."""
        found: dict[str, set[str]] = defaultdict(set)
        for fact in self.estate.facts("in_cluster"):
            found[fact.subject].add(fact.object)
        return {one: tuple(sorted(those)) for one, those in found.items()}

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """Credential → the fingerprint (`SHA256:…`) of the public key, where a collector told it."""
        return {
            fact.subject: str(mark)
            for fact in self.estate.facts("unlocks", "unlocks_from")
            if str(mark := fact.attributes.get("fingerprint", "")).startswith("SHA256:")
        }

    @cached_property
    def keys_of(self) -> Mapping[str, tuple[str, ...]]:
        """Account → the fingerprints of its keys, sorted."""
        found: dict[str, set[str]] = defaultdict(set)
        for fact in self.estate.facts("unlocks", "unlocks_from"):
            if fact.subject in self.keys:
                found[fact.object].add(self.keys[fact.subject])
        return {account: tuple(sorted(marks)) for account, marks in found.items()}

    @cached_property
    def key_places(self) -> tuple[str, ...]:
        """Hosts whose sshd can be told to refuse a key, sorted."""
        return tuple(sorted(place for target, place in self.reachable if target == "keys"))

    @cached_property
    def logins(self) -> tuple[str, ...]:
        """Hosts with an sshd, as far as the estate says, sorted; all hosts where it says nothing of any."""
        ssh = {fact.subject for fact in self.estate.facts("service_kind") if fact.object == "ssh"}
        found = {fact.object for fact in self.estate.facts("runs_on") if fact.subject in ssh}
        found |= {fact.subject for fact in self.estate.facts("accepts_key") if fact.subject.startswith("host:")}
        return tuple(sorted(found or self.hosts))

    @cached_property
    def _is_infiniband(self) -> Bools:
        """Per term whether it is an InfiniBand fabric or one of its partition keys."""
        found = np.zeros(len(self.kinds), np.bool_)
        for term in np.flatnonzero(self.kinds == _CODE["network"]).tolist():
            found[term] = self.entity(term).startswith("network:ib/")
        return found

    @cached_property
    def _seen(self) -> Bools:
        found = np.zeros(len(self.kinds), np.bool_)
        found[self.estate.entities] = True
        return found

    def _is_here(self, term: int) -> bool:
        return 0 <= term < len(self._seen) and bool(self._seen[term])
