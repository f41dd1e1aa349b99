"""Nobody but its owner may write into a home."""

from ringfence.analyse.rule import Atom, Differ, Is
from ringfence.assess.check import Check, Layer, Refs, When, asked_of
from ringfence.estate.kinds import EVERYONE

_HOME = Atom("stores_home", "it", "owner")
_SERVED = Atom("exported_by", "it", "server")

CHECK = Check(
    id="RF-H08",
    name="home_writers",
    title="Nobody but its owner may write into a home",
    layer=Layer.IDENTITY,
    each=(When((_HOME,)),),
    fails=(
        When(
            (_HOME, Atom("writable_by", "it", Is(EVERYONE))),
            "another account may write where homes lie, as every account may",
        ),
        When(
            (_HOME, Atom("writable_by", "it", "other")),
            "another account may write where homes lie",
            (Differ("owner", "other"),),
            {"other": ("identity",)},
        ),
    ),
    rests=(asked_of("folders", "server", (_SERVED,)),),
    why="Whoever writes a home adds a key to it, or a line to what its shell runs, and is that account from then on.",
    remedy="chmod 0755 the folder above the homes, owner root; each home 0700, made by the superuser.",
    opens=("owner#use",),
    weight=6,
    threats=("RF.T18", "RF.T16"),
    refs=Refs(nist=("AC-3", "AC-6"), d3fend=("D3-LFP",), cis=("Linux 6.2.8",)),
    source="sshd_config(5), StrictModes",
)
