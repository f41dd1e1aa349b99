"""The subnet manager's keys are its own."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.seen import INFINIBAND

CHECK = Check(
    id="RF-F12",
    name="subnet_manager_keys",
    title="The subnet manager trusts a key of its own, not the published one",
    layer=Layer.FABRIC,
    each=(*INFINIBAND,),
    fails=(
        When((Atom("setting", "it", Is("sm_key=default")),), "SM_Key is the published default 1"),
        When((Atom("setting", "it", Is("sa_key=default")),), "SA_Key is the published default 1"),
    ),
    rests=(
        asked_of("opensm-conf"),
        When((Atom("setting", "it", Is("sm_key=set")),), "SM_Key is its own"),
        When((Atom("setting", "it", Is("sa_key=set")),), "SA_Key is its own"),
    ),
    why="Whoever says key 1 is answered as a trusted node: all partition tables, and with no management key the "
    "fabric.",
    remedy="A random sm_key and sa_key in opensm.conf of every subnet manager, standby ones included.",
    opens=("discover",),
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("IA-5",), attack=("T1557",)),
    source="opensm.conf, sm_key and sa_key; NVIDIA's InfiniBand security guide",
)
