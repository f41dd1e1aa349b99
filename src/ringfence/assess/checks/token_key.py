"""The key that signs the scheduler's tokens is no ordinary account's to read."""

from ringfence.analyse.rule import Atom, Is, Like, Match
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

_MODE: dict[str, Match] = {"mode": ("0400", "0600")}
_PURPOSE = Atom("setting", "key", Is("purpose=jwt"))

CHECK = Check(
    id="RF-W12",
    name="token_key",
    title="The key that signs the scheduler's tokens is no ordinary account's to read",
    layer=Layer.SCHEDULER,
    each=(When((Atom("stores_credential", "it", "key"), _PURPOSE)),),
    fails=(
        When(
            (
                Atom("stores_credential", "it", "key", {"readable_by": "user"}),
                _PURPOSE,
                Atom("in_cluster", "key", "cluster"),
            ),
            "ordinary accounts read the key",
        ),
        When(
            (
                Atom("stores_credential", "it", "key", {"mode": Like("[0-7]?[0-7](?:[1-7][0-7]|0[1-7])")}),
                _PURPOSE,
                Atom("in_cluster", "key", "cluster"),
            ),
            "the file's mode lets a group or others in",
        ),
    ),
    rests=(
        asked_of("scheduler-key"),
        When(
            (Atom("stores_credential", "it", "key"), _PURPOSE, Atom("stores_credential", "it", "key", _MODE)),
            "its key file's mode is 0400 or 0600",
            every=2,
        ),
    ),
    why="Tokens cannot be called back: whoever read the key signs one for any account, valid for as long as they like.",
    remedy="chmod 0600, owner SlurmUser; a new key ends every token that was ever signed with the old one.",
    opens=("cluster#admin",),
    weight=8,
    mismatch=Mismatch.STATE,
    window=("a token is signed", "the key is changed: a token's own end is its bearer's choice"),
    threats=("RF.T14", "RF.T18"),
    refs=Refs(nist=("IA-5", "SC-12"), d3fend=("D3-LFP",)),
    source="Slurm's JSON web tokens page",
)
