"""File servers offer data to named clients, and believe no client's superuser."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.seen import EXPORTS

_ANYONE = Like(r"network:(0\.0\.0\.0/0|::/0|internet)")

CHECK = Check(
    id="RF-D01",
    name="nfs_exports",
    title="File servers offer data to named clients, and believe no client's superuser",
    layer=Layer.STORAGE,
    each=(
        When((Atom("exported_by", "it", "server"),)),
        When((Atom("exported_to", "it", "client"),)),
        When((Atom("asked", "it", Is("exports")),), kinds={"it": ("storage",)}),
        When((Atom("setting", "it", Prefix("exported_to=")),)),
    ),
    fails=(
        When((Atom("setting", "it", Is("exported_to=*")),), "every host may mount it"),
        When((Atom("exported_to", "it", _ANYONE),), "every host may mount it"),
        When(
            (Atom("setting", "it", Is("no_root_squash")),),
            "a client's superuser is its superuser, whichever client it is",
        ),
        When((Atom("exported_to", "it", "client", {"no_root_squash": True}),), "a client's superuser is its superuser"),
    ),
    rests=(EXPORTS,),
    why="Exports are the only lock on training data over NFS: an open one is read by whoever is on the network, and "
    "without root squashing one host that falls takes every owner's files with it.",
    remedy="In /etc/exports name the clients (host names or the narrowest subnet), leave root_squash on, and run "
    "exportfs -ra.",
    opens=("read", "mount"),
    weight=8,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("AC-3", "AC-6"), atlas=("AML.T0035",), d3fend=("D3-RFAM",)),
    source="exports(5): root_squash is the default, no_root_squash turns it off",
)
