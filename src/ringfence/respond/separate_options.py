"""What can be cut, and which edges of the reach graph each cut takes away.

isolate a host   edges of IP into and out of it       quarantine   edges of its ports by partitions
block a peer     edges of IP straight between two     hard cut     all edges of its ports
block a job      edges of IP that start at the job    block users  edges of IP from the host's `#user`
limit a user     account → partition                  revoke       key → what it opens; account → role
"""

from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from ringfence.respond.ground import FABRIC, IP, PORT, Bools, Ground, Numbers
from ringfence.respond.values import Cut
from ringfence.respond.verbs import VERBS, Grade

ALL = "all"
"""The subject of `isolate` and `end-flows`: the whole host."""
MOST_PEERS = 64
"""Peers that one host blocks one by one; where there are more it is isolated."""
MOST_PLACES = 64
"""Places at which one key is revoked by one plan; where more would have to, it is no option."""

_MOST_KEPT = 16

JOB, HOST, CUT = 32, 4, 1
"""What one job disturbed, one host touched and one cut weigh: nine idle hosts weigh more than one job."""


class Option(msgspec.Struct, frozen=True):
    """Cuts that are made together. `edges` are what they take away; `jobs` notice it, on `hosts`.

    `shuts`: the host from which no account of the attacker acts any more, "" for none. `others`: how many more hosts
    notice it, because one of these serves them.
    """

    name: str
    cuts: tuple[Cut, ...]
    edges: Numbers
    jobs: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    shuts: str = ""
    others: int = 0

    @property
    def grade(self) -> Grade:
        """The hardest of its cuts."""
        return max(cut.about.grade for cut in self.cuts)

    @property
    def weight(self) -> int:
        """What it weighs alone."""
        return weigh((self,))


class Path(msgspec.Struct, frozen=True):
    """A derivation: `edges` in an order that can be gone, and the `hosts` from which its accounts act."""

    edges: tuple[int, ...]
    hosts: tuple[str, ...] = ()


def weigh(options: Iterable[Option]) -> int:
    """What several weigh together: a job or host that several disturb counts once; `others` count with each."""
    chosen = list(options)
    jobs = frozenset().union(*(one.jobs for one in chosen))
    hosts = frozenset().union(*(one.hosts for one in chosen))
    return JOB * len(jobs) + HOST * len(hosts) + sum(CUT * len(one.cuts) + HOST * one.others for one in chosen)


class Options:
    """The options on one ground, up to one grade, with what must `never` be cut left out.

    `users` are the accounts of the attacker on each host; a host whose accounts are not known has no narrower cut.
    `own` are the attacker's hosts: only there is a single peer blocked.
    """

    def __init__(
        self,
        ground: Ground,
        up_to: Grade,
        never: frozenset[str] = frozenset(),
        users: Mapping[str, frozenset[str]] | None = None,
        own: Iterable[str] = (),
    ) -> None:
        self.ground, self.up_to, self.never = ground, up_to, never
        self.users = users or {}
        self.own_hosts = tuple(host for host in sorted(set(own)) if host in ground.host_index)
        self._known: dict[str, Option | None] = {}

    def of(self, path: Path) -> dict[str, Option]:
        """All options that break this derivation, by name."""
        found: dict[str, Option] = {}
        for edge in path.edges:
            for one in self._at(edge):
                found[one.name] = one
        for host in path.hosts:
            for one in self.shutting(host):
                found[one.name] = one
        return dict(sorted(found.items()))

    def shutting(self, host: str) -> list[Option]:
        """What keeps the attacker's accounts from acting from a host."""
        return [one for one in (self.isolate(host), self.block_users(host)) if one is not None]

    def whole(self, beside: Iterable[str] = ()) -> list[Option]:
        """What cuts the attacker's hosts off altogether, and those `beside` whose memory they share."""
        makers = (self.isolate, self.quarantine)
        return [
            one for host in sorted({*self.own_hosts, *beside}) for maker in makers if (one := maker(host)) is not None
        ]

    def narrow(self) -> list[Option]:
        """What leaves others on the attacker's hosts alone: accounts, jobs and ports are cut, hosts where they must."""
        found: dict[str, Option] = {}
        for host in self.own_hosts:
            for one in (self.block_users(host) or self.isolate(host), self.quarantine(host)):
                found |= {} if one is None else {one.name: one}
            for job in sorted(self.ground.jobs_on.get(host, ())):
                if self.ground.user_of_job.get(job, "") in self.users.get(host, ()):
                    found |= {one.name: one for one in _some(self.block_job(job))}
        return list(found.values())

    def cuttable(self) -> Bools:
        """Per edge whether some option may take it away: what is left with all of these gone cannot be separated."""
        key = (int(self.up_to), self.never)
        kept = self.ground.kept
        if key not in kept:
            if len(kept) >= _MOST_KEPT:
                kept.clear()
            kept[key] = self._cuttable_by_all()
        found = kept[key].copy()
        for host in self.users:
            one = self.block_users(host)
            if one is not None:
                found[one.edges] = True
        for host in self.own_hosts:
            for peer in self._straight(host):
                found[[] if (one := self.block(host, peer)) is None else one.edges] = True
        return found

    def _cuttable_by_all(self) -> Bools:
        """The same for options that do not depend on who the attacker is."""
        ground = self.ground
        first, edges = ground.pairs
        hosts = np.repeat(np.arange(len(ground.hosts)), np.diff(first))
        bits = np.zeros(len(ground.hosts), np.uint8)
        for verb, maker_bits in (("isolate", IP), ("quarantine", FABRIC), ("hard-cut", PORT)):
            if VERBS[verb].grade <= self.up_to:
                bits[self._where(verb)] |= maker_bits
        found = np.zeros(len(ground.graph.to), np.bool_)
        found[edges[ground.carrier[edges] & bits[hosts] > 0]] = True
        for some in ground.movable.values():
            found[[edge for edge in some[~found[some]].tolist() if next(iter(self._at(edge)), None)]] = True
        return found

    def _straight(self, host: str) -> list[str]:
        """Hosts that an edge leads to straight from this one; none where there are too many to block one by one."""
        owners = self.ground.ends[1][self._between(host, IP)]
        peers = np.unique(owners[(owners >= 0) & (owners != self._at_index(host))]).tolist()
        return [self.ground.hosts[at] for at in peers[:MOST_PEERS]]

    def _where(self, verb: str) -> list[int]:
        """Indices of hosts that can be cut off so."""
        ground, target = self.ground, VERBS[verb].target
        if target == "contain":
            names: Iterable[str] = (place for kind, place in ground.reachable if kind == target)
        else:
            fabrics = {place for kind, place in ground.reachable if kind == target}
            names = (host for host, ports in ground.ports.items() if all(fabric in fabrics for _, fabric in ports))
        index = ground.host_index
        return [index[one] for one in names if one in index and self._may(one)]

    def _may(self, host: str) -> bool:
        """Whether this host may be touched: it is not protected, nor is a job that would notice."""
        return host not in self.never and self.never.isdisjoint(self.ground.disturbed(host))

    def _at(self, edge: int) -> Iterable[Option]:
        """The options that take this edge away."""
        ground = self.ground
        if ground.is_local[edge]:
            return
        bits = int(ground.carrier[edge])
        start, to = ground.ends
        near, far = sorted({int(at) for at in start[edge] if at >= 0}), int(to[edge])
        for at in (*near, *([far] if far >= 0 else [])):
            yield from self._around(ground.hosts[at], bits)
        if len(near) == 1 and far >= 0 and bits & IP and ground.hosts[near[0]] in self.own_hosts:
            yield from _some(self.block(ground.hosts[near[0]], ground.hosts[far]))
        entities = [ground.text(int(at)) for at in ground.graph.start[edge] if at >= 0]
        for name in entities:
            entity, _, capability = name.rpartition("#")
            if entity.startswith("job:") and bits & IP:
                yield from _some(self.block_job(entity))
            elif capability == "user" and entity in self.users and bits & IP:
                yield from _some(self.block_users(entity))
            elif entity.startswith("identity:"):
                yield from self._of_identity(entity, edge)
            elif entity.startswith("credential:"):
                yield from _some(self.revoke_key(entity))

    def _around(self, host: str, bits: int) -> Iterable[Option]:
        if bits & IP:
            yield from _some(self.isolate(host))
        if bits & FABRIC:
            yield from _some(self.quarantine(host))
        if bits & PORT:
            yield from _some(self.hard_cut(host))

    def _of_identity(self, entity: str, edge: int) -> Iterable[Option]:
        to = self.ground.text(int(self.ground.graph.to[edge])).rpartition("#")[0]
        if to.startswith("partition:"):
            for cluster in self.ground.clusters.get(to, ()):
                yield from _some(self.limit_user(entity, cluster))
        elif to.startswith("role:"):
            yield from _some(self.revoke_binding(entity, edge))

    # one option each; None where it cannot be or must not be

    def isolate(self, host: str) -> Option | None:
        """Cut one host off, all but management."""
        return self._made(f"isolate {host}", self._isolate, host)

    def quarantine(self, host: str) -> Option | None:
        """Take all ports of one host out of every partition."""
        return self._made(f"quarantine {host}", self._ports, host, "quarantine", FABRIC)

    def hard_cut(self, host: str) -> Option | None:
        """Switch all ports of one host off."""
        return self._made(f"hard-cut {host}", self._ports, host, "hard-cut", PORT)

    def block(self, host: str, peer: str) -> Option | None:
        """Block one peer on one host."""
        return self._made(f"block {host} {peer}", self._block, host, peer)

    def block_job(self, job: str) -> Option | None:
        """Block what one job sends, on every host that it runs on."""
        return self._made(f"block-job {job}", self._block_job, job)

    def block_users(self, host: str) -> Option | None:
        """Block what the attacker's accounts send from one host."""
        return self._made(f"block-user {host}", self._block_users, host)

    def limit_user(self, identity: str, cluster: str) -> Option | None:
        """Let one account submit nothing to one cluster."""
        return self._made(f"limit-user {identity} {cluster}", self._limit_user, identity, cluster)

    def revoke_key(self, credential: str) -> Option | None:
        """Have every sshd that may know a key refuse it."""
        return self._made(f"revoke-key {credential}", self._revoke_key, credential)

    def revoke_binding(self, identity: str, edge: int) -> Option | None:
        """Take away the role binding that an edge rests on."""
        names = [
            str(fact.attributes.get("binding", ""))
            for fact in (self.ground.estate.fact(int(row)) for row in self.ground.graph.edges.because[edge] if row >= 0)
            if fact.predicate == "holds_role"
        ]
        role = self.ground.text(int(self.ground.graph.to[edge])).rpartition("#")[0]
        if not any(names):
            return None
        return self._made(f"revoke-binding {identity} {role}", self._revoke_binding, identity, role, max(names), edge)

    def _made(self, name: str, maker, *what) -> Option | None:  # type: ignore[no-untyped-def]  # one per verb
        if name not in self._known:
            self._known[name] = maker(name, *what)
        return self._known[name]

    def _isolate(self, name: str, host: str) -> Option | None:
        if not self._fits("isolate", host, self.ground.disturbed(host)):
            return None
        return Option(
            name,
            (Cut("isolate", host, ALL),),
            self._between(host, IP),
            self.ground.disturbed(host),
            frozenset({host}),
            host,
            len(self.ground.felt(host)) - 1,
        )

    def _ports(self, name: str, host: str, verb: str, bits: int) -> Option | None:
        ports = self.ground.ports.get(host, ())
        jobs = self.ground.disturbed(host)
        if not ports or not self._may(host) or not all(self._fits(verb, place, jobs) for _, place in ports):
            return None
        cuts = tuple(Cut(verb, place, guid) for guid, place in ports)
        others = len(self.ground.felt(host)) - 1
        return Option(name, cuts, self._between(host, bits), jobs, frozenset({host}), others=others)

    def _block(self, name: str, host: str, peer: str) -> Option | None:
        jobs = self.ground.jobs_on.get(host, frozenset())
        hit = jobs & self.ground.disturbed(peer)
        addresses = self.ground.addresses.get(peer, ())
        if not addresses or peer in self.never or not self._fits("block", host, hit):
            return None
        start, to = self.ground.ends
        far, edges = self.ground.host_index[peer], self._between(host, IP)
        straight = edges[(to[edges] == far) & ~((start[edges] >= 0) & (start[edges] != self._at_index(host))).any(1)]
        cuts = tuple(Cut("block", host, one) for one in addresses)
        return Option(name, cuts, straight, hit, frozenset({host}))

    def _block_job(self, name: str, job: str) -> Option | None:
        hosts = self.ground.hosts_of_job.get(job, ())
        if not hosts or not all(self._fits("block-job", host, frozenset({job})) for host in hosts):
            return None
        number = self.ground.number(f"{job}#code")
        cuts = tuple(Cut("block-job", host, job.rpartition("/")[2]) for host in hosts)
        return Option(name, cuts, self._from(number, IP), frozenset({job}), frozenset(hosts))

    def _block_users(self, name: str, host: str) -> Option | None:
        users = self.users.get(host, frozenset())
        jobs = frozenset(
            job for job in self.ground.jobs_on.get(host, ()) if self.ground.user_of_job.get(job, "") in users
        )
        number = self.ground.user_position.get(host, -1)
        if not users or number < 0 or not users.isdisjoint(self.never) or not self._fits("block-user", host, jobs):
            return None
        cuts = tuple(Cut("block-user", host, one.removeprefix("identity:")) for one in sorted(users))
        return Option(name, cuts, self._from(number, IP), jobs, frozenset({host}), host)

    def _limit_user(self, name: str, identity: str, cluster: str) -> Option | None:
        if identity in self.never or not self._fits("limit-user", cluster, frozenset()):
            return None
        edges = self._from(self.ground.number(f"{identity}#use"), IP)
        ends = [self.ground.text(int(self.ground.graph.to[edge])).rpartition("#")[0] for edge in edges.tolist()]
        mine = [one.startswith("partition:") and cluster in self.ground.clusters.get(one, ()) for one in ends]
        cut = Cut("limit-user", cluster, identity.removeprefix("identity:"))
        return Option(name, (cut,), edges[np.array(mine, np.bool_)])

    def _revoke_key(self, name: str, credential: str) -> Option | None:
        mark, places = self.ground.keys.get(credential, ""), self.ground.logins
        if not mark or credential in self.never or len(places) > MOST_PLACES:
            return None
        if not all(self._fits("revoke-key", place, frozenset()) for place in places):
            return None
        edges = self._from(self.ground.number(f"{credential}#use"), IP)
        return Option(name, tuple(Cut("revoke-key", place, mark) for place in places), edges)

    def _revoke_binding(self, name: str, identity: str, role: str, binding: str, edge: int) -> Option | None:
        cluster = f"cluster:{role.removeprefix('role:').partition('/')[0]}"
        if identity in self.never or not self._fits("revoke-binding", cluster, frozenset()):
            return None
        return Option(name, (Cut("revoke-binding", cluster, binding),), np.array([edge], np.int64))

    def _fits(self, verb: str, place: str, jobs: frozenset[str]) -> bool:
        """Whether this verb may be used here: soft enough, somebody does it, and nothing protected is touched."""
        about = VERBS[verb]
        near = about.grade <= self.up_to and self.ground.can(about.target, place)
        return near and place not in self.never and self.never.isdisjoint(jobs)

    def _at_index(self, host: str) -> int:
        return self.ground.host_index.get(host, -1)

    def _between(self, host: str, bits: int) -> Numbers:
        """Edges between a host and elsewhere that one of these bits carries."""
        first, edges = self.ground.pairs
        at = self._at_index(host)
        some = edges[first[at] : first[at + 1]]
        return some[self.ground.carrier[some] & bits > 0]

    def _from(self, number: int, bits: int) -> Numbers:
        """Edges that start at one position, lead elsewhere, and are carried so."""
        if number < 0:
            return np.zeros(0, np.int64)
        first, edge = self.ground.graph.forward
        some = edge[first[number] : first[number + 1]].astype(np.int64)
        return some[(self.ground.carrier[some] & bits > 0) & ~self.ground.is_local[some]]


def warm(ground: Ground, never: frozenset[str]) -> None:
    """Work out now, for every grade, what can be cut at all: the first incident does not wait for it."""
    for grade in Grade:
        Options(ground, grade, never).cuttable()


def _some(one: Option | None) -> Iterable[Option]:
    return () if one is None else (one,)
