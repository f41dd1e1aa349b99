"""One key opens one account."""

from ringfence.analyse.rule import Atom, Differ
from ringfence.assess.check import Check, Layer, Refs, When, asked_of

_ACCEPTED = (Atom("accepts_key", "host", "it"),)

CHECK = Check(
    id="RF-H11",
    name="one_key_one_account",
    title="One key opens one account",
    layer=Layer.IDENTITY,
    each=(When((Atom("unlocks", "it", "who"),)),),
    fails=(
        When(
            (Atom("unlocks", "it", "who"), Atom("unlocks", "it", "other")),
            "two accounts accept the same key",
            (Differ("who", "other"),),
            opens=("other#use",),
        ),
    ),
    rests=(asked_of("ssh-keys", "host", _ACCEPTED, complete=True),),
    why="A key in somebody else's authorized_keys is a way back in that nobody takes away when its owner leaves.",
    remedy="Take the key out of every account but its owner's; share work through groups, not through keys.",
    weight=4,
    threats=("RF.T16", "RF.T18"),
    refs=Refs(nist=("IA-2", "AC-2")),
    source="sshd(8), AUTHORIZED_KEYS FILE FORMAT",
)
