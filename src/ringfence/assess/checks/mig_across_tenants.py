"""Slices of one accelerator belong to one tenant."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.ways import HOST_OF_GPU, jobs_known, two_tenants

CHECK = Check(
    id="RF-G04",
    name="mig_across_tenants",
    title="All MIG slices of an accelerator work for one tenant",
    layer=Layer.ACCELERATOR,
    each=(
        When((Atom("part_of", "slice", "it"),), kinds={"it": ("gpu",)}),
        When((Atom("setting", "it", Is("mig=on")),)),
        When((Atom("setting", "it", Is("mig_shared=on")),)),
    ),
    fails=two_tenants(
        (Atom("part_of", "slice", "it"), Atom("uses_gpu", "one", "slice")),
        (Atom("part_of", "neighbour", "it"), Atom("uses_gpu", "other", "neighbour")),
        "two tenants work on slices of this accelerator",
    ),
    rests=(asked_of("gpu", "host", HOST_OF_GPU), jobs_known(HOST_OF_GPU)),
    why="MIG splits memory and compute units, not the front end that accepts work: the timing of a neighbour's "
    "launches tells which model it serves and how many tokens pass.",
    remedy="Give all slices of one accelerator to one tenant: a partition or node pool per tenant where MIG is on.",
    opens=("observe",),
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SC-4",)),
    source="Behind Bars (USENIX Security 2026)",
)
