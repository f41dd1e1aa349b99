"""A pipeline stays within one tenant."""

from ringfence.analyse.rule import Atom, Differ, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.seen import DATA

CHECK = Check(
    id="RF-D09",
    name="source_tenants",
    title="A pipeline stays within one tenant",
    layer=Layer.WORKFLOW,
    each=(
        When((Atom("trained_from", "it", "source"),), kinds=DATA),
        When((Atom("part_of", "it", "source"),), kinds=DATA),
        When((Atom("asked", "it", Is("source-tenants")),)),
    ),
    fails=(
        When(
            (
                Atom("setting", "it", Is("source-tenants=several")),
                Atom("trained_from", "it", "source"),
                Atom("in_tenant", "it", "ours"),
                Atom("in_tenant", "source", "theirs"),
            ),
            "it was made from data of another tenant",
            unless=(Differ("ours", "theirs"),),
        ),
        When((Atom("setting", "it", Is("source-tenants=several")),), "it and its sources belong to several tenants"),
    ),
    rests=(
        asked_of("source-tenants", complete=True),
        When((Atom("setting", "it", Is("source-tenants=one")),), "it and all its sources belong to one tenant"),
    ),
    why="Storage and jobs are fenced by tenant; a model made across the fence carries one tenant's data to the "
    "other, "
    "and whoever changes the source on one side has the model on the other.",
    remedy="Copy what is shared on purpose into a dataset of the receiving tenant, with a digest and an owner there; "
    "end the direct mount.",
    opens=("write",),
    weight=6,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("AC-4", "SC-4"), atlas=("AML.T0010.002",)),
    source="derived from lineage and tenants",
)
