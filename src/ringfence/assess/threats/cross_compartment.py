"""A job reaches across its compartment over IP, InfiniBand or NVLink."""

from ringfence.analyse.rule import Atom, Differ, Is, Like
from ringfence.assess.check import When, asked_of
from ringfence.assess.threat import Control, Stride, Threat, Way

DEFAULT_KEY = Like("network:ib/.*/0x7fff")

THREAT = Threat(
    id="RF.T20",
    name="cross_compartment",
    each=(
        When((Atom("has_port", "it", "port"),), kinds={"it": ("host",)}),
        When((Atom("uses_imex", "it", "channel"),), kinds={"it": ("host",)}),
    ),
    ways=(
        Way(
            "its port is a full member where everyone is, or of another tenant's key",
            opens=(
                When(
                    (Atom("has_port", "it", "port"), Atom("in_pkey", "port", DEFAULT_KEY, {"membership": "full"})),
                    "its port is a full member of the default partition",
                ),
                When(
                    (
                        Atom("in_tenant", "it", "mine"),
                        Atom("has_port", "it", "port"),
                        Atom("in_pkey", "port", "key", {"membership": "full"}),
                        Atom("in_tenant", "key", "theirs"),
                    ),
                    "its port is a full member of another tenant's partition",
                    (Differ("mine", "theirs"),),
                ),
            ),
            shut=(
                Control(
                    "its port's partition keys were all read, and it is a limited member of the default one",
                    (
                        asked_of(
                            "pkeys",
                            "fabric",
                            (Atom("has_port", "it", "port"), Atom("on_fabric", "port", "fabric")),
                            complete=True,
                        ),
                        When(
                            (
                                Atom("has_port", "it", "port"),
                                Atom("in_pkey", "port", DEFAULT_KEY, {"membership": "limited"}),
                            ),
                            "its port is a limited member of the default partition",
                        ),
                    ),
                    d3fend=("D3-BDI",),
                ),
            ),
        ),
        Way(
            "it maps accelerator memory across hosts",
            opens=(
                When((Atom("setting", "it", Is("imex_auth=none")),), "its IMEX daemon asks nobody who they are"),
                When(
                    (
                        Atom("in_tenant", "it", "mine"),
                        Atom("uses_imex", "it", "channel"),
                        Atom("uses_imex", "other", "channel"),
                        Atom("in_tenant", "other", "theirs"),
                    ),
                    "a host of another tenant holds the same IMEX channel",
                    (Differ("mine", "theirs"),),
                ),
            ),
            shut=(
                Control(
                    "its NVLink and IMEX were read, and no other tenant shares them",
                    (asked_of("nvlink", complete=True),),
                ),
            ),
        ),
    ),
    why=(
        "Fences of one network say nothing of the other two: a job that IP keeps in may still read memory "
        "over RDMA or NVLink."
    ),
    remedy=(
        "A partition key, an NVLink partition and a filter per tenant, limited membership in the default key,"
        " and a proof of all three."
    ),
    phases=("pre-train", "evaluate"),
    stride=(Stride.DISCLOSURE, Stride.ELEVATION),
    attack=("T1021",),
)
