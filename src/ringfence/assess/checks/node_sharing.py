"""Tenants do not meet on a node."""

from ringfence.analyse.rule import Atom, Differ, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

_SHARED = Atom("setting", "it", Is("nodes=shared"))
_ALL = Atom("may_submit", Is("identity:*"), "it")

CHECK = Check(
    id="RF-S09",
    name="node_sharing",
    title="Tenants do not meet on a node",
    layer=Layer.SCHEDULER,
    each=(all_of("partition"),),
    fails=(
        When((_SHARED, _ALL), "jobs of any two accounts may share a node"),
        When(
            (_SHARED, _ALL, Atom("in_partition", "node", "it")),
            "which lets one watch the other",
            opens=("node#observe",),
        ),
        When(
            (_SHARED, Atom("may_submit", "one", "it"), Atom("may_submit", "other", "it")),
            "two tenants may share a node",
            (Differ("one", "other"),),
            {"one": ("tenant",), "other": ("tenant",)},
        ),
    ),
    rests=(
        asked_of("oversubscribe"),
        When((Atom("setting", "it", Like("nodes=(?:exclusive|shared)")),), "its sharing of nodes was read"),
        When((Atom("may_submit", "who", "it"),), "its submitters were read"),
    ),
    doubts=(
        When(
            (_SHARED, Atom("may_submit", "who", "it")),
            "accounts or groups may submit to it, and their tenants were not compared",
            kinds={"who": ("identity",)},
        ),
    ),
    why="Every side channel between accelerators, caches and links begins with two tenants on one node.",
    remedy="Set OverSubscribe=EXCLUSIVE or ExclusiveUser=YES on the partition, or AllowAccounts to one tenant.",
    weight=5,
    threats=("RF.T09", "RF.T10"),
    refs=Refs(nist=("SC-4", "SC-39")),
    source="Slurm's slurm.conf manual, OverSubscribe",
)
