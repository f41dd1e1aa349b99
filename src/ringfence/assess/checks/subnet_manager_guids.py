"""Only named ports may be subnet manager."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.seen import INFINIBAND

ANY = Atom("setting", "it", Is("allowed_sm_guids=any"))

CHECK = Check(
    id="RF-F04",
    name="subnet_manager_guids",
    title="Only named ports may be subnet manager",
    layer=Layer.FABRIC,
    each=(*INFINIBAND,),
    fails=(
        When(
            (ANY, Atom("setting", "it", Is("sm_key=default")), Atom("setting", "it", Is("m_key=0"))),
            "whoever says the default key with the higher priority becomes master",
            opens=("manage",),
        ),
        When((ANY,), "any port may answer as subnet manager", opens=()),
    ),
    rests=(
        asked_of("opensm-conf"),
        When((Atom("setting", "it", Is("allowed_sm_guids=listed")),), "the ports that may are listed"),
    ),
    why="A second manager on any host of the fabric that outranks the real one rewrites every partition table.",
    remedy="allowed_sm_guids with the managers' GUIDs in opensm.conf, sm_priority 15 for the master; where the "
    "manager has no such option, keys of its own (RF-F03, RF-F12).",
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-3",), attack=("T1557",)),
    source="NVIDIA's InfiniBand security guide; opensm.conf",
)
