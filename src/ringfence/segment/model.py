"""The neutral form of a fence: who may reach whom on which plane, and what became of it.

        Group ──Allow──▶ Group      (what is not allowed is denied)
          │ members per plane: endpoints
          ▼
        Policy ──compile──▶ Compiled: artefacts for one target, and residuals

An *endpoint* is a string; what it names depends on the plane (`PLANES`). A plane's intent is the union, over
its allows, of `members(source) x members(target)`, each pair with what may pass. `ip` pairs are directed from
whoever opens the connection; answers come back. On the symmetric planes (`SYMMETRIC`) a pair is meant both ways.
"""

from collections.abc import Iterator, Mapping

import msgspec

PLANES: dict[str, str] = {
    "ip": "TCP, UDP and ICMP; endpoints `host:…`, `network:<CIDR>` outside, `job:…@host:…` where jobs share a host",
    "ib": "InfiniBand verbs; endpoints `ibport:…`",
    "roce": "RDMA over Ethernet; endpoints `ibport:…`",
    "nvlink": "loads and stores between accelerators; endpoints `gpu:…`",
    "imex": "memory exported across hosts; endpoints `host:…` that hold one channel",
    "storage": "files; from `host:…` to `storage:…`, or a folder of it: `storage:…/<path>`; what is `ro` or `rw`",
    "scheduler": "work; from `tenant:…` to `host:…` on which its jobs may start",
    "login": "sessions; from `identity:…@<address or network>` to `host:…`",
    "pod": "connections between Kubernetes workloads; endpoints `pod:…`, `namespace:…`, `network:<CIDR>`",
}
"""Every plane, and what its endpoints are."""

SYMMETRIC = frozenset({"ib", "roce", "nvlink", "imex"})
"""Planes on which a pair that may talk may talk both ways."""

ANY = "any"
"""Everything that the plane can carry."""

BETWEEN = ", "
"""Between the names of several groups or endpoints that a residual is about."""


class Group(msgspec.Struct, frozen=True):
    """Endpoints that are treated alike: the compartment of one workflow, a service, a part of the outside.

    `kind` is one of gang, idle, service, role, outside, quarantine. `tenant` is "" for what all share.
    `members` maps a plane to endpoints, sorted, none twice.
    """

    name: str
    kind: str
    tenant: str
    members: Mapping[str, tuple[str, ...]]
    why: str = ""

    def on(self, plane: str) -> tuple[str, ...]:
        """Its endpoints on a plane; empty where it has none."""
        return self.members.get(plane, ())


class Allow(msgspec.Struct, frozen=True, order=True):
    """`source` may reach `target` (names of groups) on `plane`.

    `what`: `any`; on `ip` and `pod` also `tcp/22`, `udp/53`, `sctp/9`, `tcp/6817-6820`, `icmp`; on `storage`
    `ro` or `rw`. `why` is one sentence for the operator.
    """

    source: str
    target: str
    plane: str
    what: str
    why: str


class Residual(msgspec.Struct, frozen=True, order=True):
    """Pairs that stay open (or cannot be told) although the policy denies them.

    `source` and `target` are groups or endpoints: one, several with `BETWEEN` between them, or `*` for all. `pairs`
    counts endpoint pairs, -1 where it is not known.
    """

    plane: str
    target_name: str
    source: str
    target: str
    pairs: int
    why: str
    remedy: str = ""


SPARED_BURST = 16
"""Seconds of a spared rate that may pass at once."""


class Spared(msgspec.Struct, frozen=True, order=True):
    """What holders need to stay governed: it passes whatever was spent of a budget.

    `side` "out": holders open connections to `group` on `what`; "in": they answer those that `group` opened to them
    on `what`. `a_second`: bytes a second that pass uncounted, what is beyond them counts; 0: all of it is uncounted.
    """

    group: str
    side: str
    what: str
    a_second: int = 0


class Budget(msgspec.Struct, frozen=True, order=True):
    """How many bytes an hour may leave, because of one jewel, summed over all who hold it.

    `bytes_per_hour` 0 means: no byte budget, named destinations only. `holders` are endpoints of the `ip` plane;
    `destinations` are groups whose traffic counts (outside the compartment) or, with 0, the only ones allowed.
    `spared` is what passes uncounted, to the same groups or others.
    """

    jewel: str
    bytes_per_hour: int
    holders: tuple[str, ...]
    destinations: tuple[str, ...]
    why: str
    spared: tuple[Spared, ...] = ()


class Policy(msgspec.Struct, frozen=True):
    """Groups by name, what is allowed between them, budgets, and what could not be decided."""

    groups: Mapping[str, Group]
    allows: tuple[Allow, ...]
    budgets: tuple[Budget, ...] = ()
    residuals: tuple[Residual, ...] = ()

    def on(self, plane: str) -> Iterator[Allow]:
        """The allows of one plane."""
        return (allow for allow in self.allows if allow.plane == plane)


class Artefact(msgspec.Struct, frozen=True):
    """One file (or request body) in a target's own language.

    `loaded_by`: who loads it: hosts for nftables, subnet managers for partitions, a cluster for manifests.
    """

    name: str
    text: str
    loaded_by: tuple[str, ...]


class Compiled(msgspec.Struct, frozen=True):
    """What one writer made of a policy. `enforced` False: "compiled, not enforced" by this version."""

    target: str
    plane: str
    artefacts: tuple[Artefact, ...]
    residuals: tuple[Residual, ...] = ()
    enforced: bool = True


class Difference(msgspec.Struct, frozen=True, order=True):
    """One way in which what is compiled, or in force, is not what is meant.

    `kind`: `leak` (allowed, not intended) or `break` (intended, not allowed). `source`, `target`, `what` are the
    witness: one endpoint pair and what passes; `pairs` counts the endpoint pairs that this stands for.
    """

    kind: str
    plane: str
    source: str
    target: str
    what: str
    pairs: int
    because: str = ""


class Proof(msgspec.Struct, frozen=True):
    """The verdict on one plane: it holds when there is no difference.

    `pairs` counts what is meant to pass (endpoint pair x kind of traffic), `open_pairs` what passes though it is
    not meant to, all of it named in `residuals`. `covers` says in a sentence what was and what was not looked at.
    """

    plane: str
    target: str
    pairs: int
    differences: tuple[Difference, ...]
    residuals: tuple[Residual, ...] = ()
    open_pairs: int = 0
    covers: str = ""

    @property
    def holds(self) -> bool:
        """Whether compiled (or real) equals intended."""
        return not self.differences
