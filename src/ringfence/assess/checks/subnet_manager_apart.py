"""Subnet managers run apart from jobs."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.seen import INFINIBAND

ACTIVE = Atom("sm_on", "it", "place", {"state": ("master", "standby")})

CHECK = Check(
    id="RF-F13",
    name="subnet_manager_apart",
    title="No subnet manager runs where jobs or logins do",
    layer=Layer.FABRIC,
    each=(*INFINIBAND,),
    fails=(
        When((ACTIVE, Atom("has_gpu", "place", "gpu")), "a subnet manager runs on a host with accelerators"),
        When((ACTIVE, Atom("in_partition", "place", "queue")), "a subnet manager runs on a host that takes jobs"),
        When(
            (ACTIVE, Atom("in_zone", "place", Like("access|compute"))),
            "a subnet manager runs where users log in or compute",
        ),
    ),
    rests=(
        asked_of("fabric"),
        When(
            (Atom("sm_on", "it", "place", {"state": "master"}), Atom("in_zone", "place", Is("management"))),
            "the master runs on a host for management",
        ),
        When((ACTIVE, Atom("in_zone", "place", Is("management"))), "every manager does", every=1),
    ),
    why="Root of the host where it runs has its keys and its configuration: the fabric falls with one job that "
    "gets out.",
    remedy="Subnet managers on hosts or switches of their own in the management zone, the standby ones too.",
    opens=("manage",),
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SC-2",), attack=("T1557",)),
    source="NIST SP 800-223, the management zone; NVIDIA's InfiniBand security guide",
)
