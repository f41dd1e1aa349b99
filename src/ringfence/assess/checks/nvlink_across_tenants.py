"""An NVLink domain belongs to one tenant."""

from ringfence.analyse.rule import Atom
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.ways import jobs_known, two_tenants

WAY = (Atom("nvlink_member", "gpu", "it"), Atom("has_gpu", "host", "gpu"))

CHECK = Check(
    id="RF-G05",
    name="nvlink_across_tenants",
    title="All accelerators of an NVLink domain work for one tenant",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("nvlink_member", "gpu", "it"),)),),
    fails=two_tenants(
        (Atom("nvlink_member", "near", "it"), Atom("uses_gpu", "one", "near")),
        (Atom("nvlink_member", "far", "it"), Atom("uses_gpu", "other", "far")),
        "two tenants work in this NVLink domain, and no partition parts them",
    ),
    rests=(asked_of("nvlink", "host", WAY, every=1), jobs_known(WAY)),
    why="Links and switches of a domain are common to its members: load shows in the timing and the counters of "
    "others, enough for a covert channel and to tell applications apart.",
    remedy="Whole domains per tenant, or partitions by fabric manager or NMX-M: each is a domain of its own.",
    opens=("observe",),
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SC-4",)),
    source="NVBleed; Spy in the GPU-box; Beyond the Bridge",
)
