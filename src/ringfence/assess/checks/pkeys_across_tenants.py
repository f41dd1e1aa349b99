"""No host is a full member of partitions of two tenants."""

from ringfence.analyse.rule import Atom, Differ
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

PORTS = Atom("has_port", "it", "port")
WIRED = (PORTS, Atom("on_fabric", "port", "fabric", {"link_layer": "InfiniBand"}))

CHECK = Check(
    id="RF-F02",
    name="pkeys_across_tenants",
    title="No host is a full member of two tenants' partitions",
    layer=Layer.FABRIC,
    each=(
        When((*WIRED, Atom("has_gpu", "it", "gpu")), kinds={"it": ("host",)}),
        When((PORTS, Atom("in_pkey", "port", "pkey"), Atom("in_tenant", "pkey", "tenant")), kinds={"it": ("host",)}),
    ),
    fails=(
        When(
            (
                PORTS,
                Atom("in_pkey", "port", "pkey", {"membership": "full"}),
                Atom("in_tenant", "pkey", "mine"),
                Atom("has_port", "it", "beside"),
                Atom("in_pkey", "beside", "second", {"membership": "full"}),
                Atom("in_tenant", "second", "theirs"),
            ),
            "its ports are full members of partitions of two tenants",
            (Differ("mine", "theirs"),),
            opens=("second#send", "pkey#send"),
        ),
        When(
            (
                PORTS,
                Atom("in_pkey", "port", "pkey", {"membership": "full"}),
                Atom("in_tenant", "pkey", "theirs"),
                Atom("in_tenant", "it", "mine"),
                Atom("has_gpu", "it", "gpu"),
            ),
            "a port of one tenant's host is a full member of another's partition",
            (Differ("mine", "theirs"),),
            opens=("pkey#send",),
        ),
    ),
    rests=(
        asked_of(
            "pkeys",
            "fabric",
            WIRED,
            complete=True,
        ),
        When(
            (*WIRED, Atom("in_pkey", "port", "pkey"), Atom("in_tenant", "pkey", "tenant")),
            "every port is in a partition whose tenant is named",
            every=2,
            some=1,
        ),
    ),
    why="A host that is full member on both sides carries packets between tenants whose partitions should be disjoint.",
    remedy="One partition per tenant or job, full for its own hosts only; storage reaches tenants as a limited member.",
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-4", "SC-7"), d3fend=("D3-BDI",)),
    source="NVIDIA's InfiniBand security guide, partitions",
)
