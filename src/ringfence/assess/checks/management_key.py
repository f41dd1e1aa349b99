"""Ports obey only the subnet manager that holds their key."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.seen import INFINIBAND

CHECK = Check(
    id="RF-F03",
    name="management_key",
    title="Each port has a management key of its own, and guards it",
    layer=Layer.FABRIC,
    each=(*INFINIBAND,),
    fails=(
        When((Atom("setting", "it", Is("m_key=0")),), "ports have no management key", opens=("manage",)),
        When(
            (Atom("setting", "it", Like("m_key_protection_level=[01]")),),
            "ports answer reads without the key",
            opens=("discover",),
        ),
        When((Atom("setting", "it", Is("m_key_per_port=no")),), "all ports have the same key", opens=()),
    ),
    rests=(
        asked_of("opensm-conf"),
        When((Atom("setting", "it", Is("m_key=set")),), "a key is set"),
        When((Atom("setting", "it", Is("m_key_per_port=yes")),), "each port has its own"),
        When((Atom("setting", "it", Like("m_key_protection_level=[2-9]")),), "reads need the key as well"),
    ),
    why="A port without a key accepts a new partition table from anyone who can send a datagram; one key for all "
    "falls with the first port that gives it away.",
    remedy="opensm.conf: m_key_per_port TRUE and m_key_protection_level 2, on every subnet manager.",
    weight=8,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-3",), attack=("T1557",)),
    source="NVIDIA's InfiniBand security guide; opensm(8), M_Key",
)
