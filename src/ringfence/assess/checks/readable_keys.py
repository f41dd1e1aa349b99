"""Nobody's private key lies where others read it."""

from ringfence.analyse.rule import Atom, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

_KEY = Atom("stores_credential", "it", "key", {"readable_by": "user", "path": Like(r".*(?:\.ssh/.*|\.pem)")})

CHECK = Check(
    id="RF-H10",
    name="readable_keys",
    title="Nobody's private key lies where others read it",
    layer=Layer.IDENTITY,
    each=(all_of("host"),),
    fails=(
        When((_KEY,), "a private key is readable by other accounts"),
        When((_KEY, Atom("unlocks", "key", "who")), "and opens somebody's account", opens=("key#use", "who#use")),
    ),
    rests=(asked_of("ssh-keys", complete=True),),
    why="Every account of a shared host can copy it and is from then on that person, here and wherever it opens.",
    remedy="chmod 0600 the key, make a new one, take the old one out of every authorized_keys.",
    opens=("key#use",),
    weight=6,
    threats=("RF.T18",),
    refs=Refs(nist=("IA-5",), attack=("T1552.004",), d3fend=("D3-LFP",)),
    source="ssh(1), FILES",
)
