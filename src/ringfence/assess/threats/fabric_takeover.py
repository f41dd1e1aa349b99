"""The fabric's own management is taken over."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import When, asked_of
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T21",
    name="fabric_takeover",
    each=(When((Atom("sm_on", "it", "manager"),)), When((Atom("setting", "it", Prefix("m_key=")),))),
    ways=(
        Way(
            "its keys are those that everybody knows",
            opens=(
                When((Atom("setting", "it", Is("m_key=0")),), "its ports obey every management packet: M_Key 0"),
                When((Atom("setting", "it", Is("sm_key=default")),), "its SM_Key is the default"),
                When((Atom("setting", "it", Is("m_key_protection_level=0")),), "its M_Key may be read by anybody"),
                When((Atom("setting", "it", Is("allowed_sm_guids=any")),), "any port may become subnet manager"),
            ),
            shut=(
                Control(
                    "its keys are set, and only named ports may manage it",
                    (
                        asked_of("opensm-conf", complete=True),
                        When((Atom("setting", "it", Is("m_key=set")),), "its M_Key is set"),
                        When((Atom("setting", "it", Is("allowed_sm_guids=listed")),), "its managers are named"),
                    ),
                ),
            ),
        ),
        Way(
            "an attacker comes to manage it",
            opens=(),
            reach=("it#manage",),
            shut=(
                Control(
                    "nobody comes to manage it; the whole fabric and its managers were read",
                    (
                        asked_of("fabric", complete=True),
                        When((Atom("sm_on", "it", "manager"),), "its managers are known"),
                    ),
                ),
            ),
        ),
    ),
    why="Whoever manages the subnet hands out partition keys and routes: every fence on it is then theirs.",
    remedy=(
        "Set M_Key per port with protection level 2, name the managers' GUIDs, and keep their hosts to administrators."
    ),
    phases=("pre-train", "checkpoint"),
    stride=(Stride.TAMPERING, Stride.ELEVATION, Stride.DENIAL),
    attack=("T1557",),
)
