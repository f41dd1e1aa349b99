"""A container cannot ask the instance for its cloud role."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, asked_of

_IN = Atom("in_cluster", "it", "account")
_OPEN = Atom("setting", "it", Is("imds=containers"))

CHECK = Check(
    id="RF-H09",
    name="instance_metadata",
    title="A container cannot ask the instance for its cloud role",
    layer=Layer.IDENTITY,
    each=(
        When((Atom("in_cluster", "it", Like("cluster:(?:aws|gcp|azure)/.*")),), kinds={"it": ("host",)}),
        When((_IN, Atom("asked", "account", Is("cloud"))), kinds={"it": ("host",)}),
    ),
    fails=(
        When((_OPEN,), "its metadata service answers containers"),
        When((_OPEN, Atom("holds_role", "it", "role")), "with a role that anybody inside may use", opens=("role#use",)),
    ),
    rests=(asked_of("cloud", "account", (_IN,)), When((Atom("attached_to", "it", "network"),), "it was described")),
    why="Any code in any container, or one forged request through it, acts in the cloud account as the node does.",
    remedy="Require tokens (IMDSv2) with a hop limit of 1, and give pods roles of their own.",
    weight=6,
    threats=("RF.T17",),
    refs=Refs(nist=("AC-6", "SC-7")),
    source="Amazon EC2's guide to instance metadata options",
)
