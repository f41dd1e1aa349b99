"""Private keys in home folders are read by their owner alone."""

from ringfence.analyse.rule import Atom, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

_HOME = Like(r"/.*/\.ssh/.*")
_KEPT = Atom("stores_credential", "keeper", "it", {"path": _HOME})
_MODE = Atom("stores_credential", "keeper", "it", {"path": _HOME, "mode": Like(r"[0-7]+")})

CHECK = Check(
    id="RF-D19",
    name="private_keys",
    title="Private keys in home folders are read by their owner alone",
    layer=Layer.IDENTITY,
    each=(When((_KEPT,)),),
    fails=(
        When(
            (Atom("stores_credential", "keeper", "it", {"path": _HOME, "mode": Like(r"[0-7]?[0-7]{2}[4-7]")}),),
            "a whole group may read it, and every other account",
        ),
        When(
            (Atom("stores_credential", "keeper", "it", {"path": _HOME, "mode": Like(r"[0-7]?[0-7][4-7][0-7]")}),),
            "a whole group may read it",
        ),
    ),
    rests=(asked_of("ssh-keys", "keeper", (_KEPT, _MODE), every=1),),
    why="Homes lie on shared storage and jobs run for weeks: a key that others can read is a login that no job's end "
    "revokes.",
    remedy="chmod 0700 ~/.ssh and 0600 the key; replace keys that were readable; better, short-lived certificates.",
    opens=("use",),
    weight=7,
    mismatch=Mismatch.STATE,
    window=("the mode is widened", "the key is replaced everywhere it is accepted"),
    refs=Refs(nist=("IA-5", "AC-3"), atlas=("AML.T0055",), d3fend=("D3-LFP",)),
    source="ssh(1): private keys must not be accessible by others",
)
