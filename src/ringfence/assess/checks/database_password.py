"""The accounting database's password is no ordinary account's to read."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, asked_of

_KEPT = Atom("stores_credential", "it", "secret")
_PURPOSE = Atom("setting", "secret", Is("purpose=slurmdbd"))

CHECK = Check(
    id="RF-S12",
    name="database_password",
    title="The accounting database's password is no ordinary account's to read",
    layer=Layer.SCHEDULER,
    each=(When((_KEPT, _PURPOSE)),),
    fails=(
        When(
            (Atom("stores_credential", "it", "secret", {"readable_by": "user"}), _PURPOSE),
            "ordinary accounts read slurmdbd.conf",
        ),
        When(
            (Atom("stores_credential", "it", "secret", {"mode": Like("[0-7]?[0-7](?:[1-7][0-7]|0[1-7])")}), _PURPOSE),
            "the file's mode lets a group or others in",
        ),
    ),
    rests=(
        asked_of("scheduler-key"),
        When(
            (_KEPT, _PURPOSE, Atom("stores_credential", "it", "secret", {"mode": ("0400", "0600")})),
            "its slurmdbd.conf is of mode 0400 or 0600",
            every=2,
        ),
    ),
    why="With it anybody writes accounts, limits and administrators straight into the database.",
    remedy="chmod 0600 slurmdbd.conf, owner SlurmUser; change StoragePass if it was readable.",
    opens=("secret#use",),
    weight=7,
    threats=("RF.T14", "RF.T18"),
    refs=Refs(nist=("IA-5", "AC-6"), d3fend=("D3-LFP",)),
    source="Slurm's slurmdbd.conf manual",
)
