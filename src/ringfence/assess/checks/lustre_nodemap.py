"""Lustre maps each tenant's clients, and trusts none of them to say who they are."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

CHECK = Check(
    id="RF-D02",
    name="lustre_nodemap",
    title="Lustre maps each tenant's clients, and trusts none of them to say who they are",
    layer=Layer.STORAGE,
    each=(When((Atom("asked", "it", Is("nodemap")),)), When((Atom("setting", "it", Prefix("nodemap=")),))),
    fails=(
        When((Atom("setting", "it", Is("nodemap=trusted")),), "a client's word for an account is believed"),
        When((Atom("setting", "it", Is("nodemap=inactive")),), "no client is mapped at all"),
        When(
            (Atom("asked", "it", Is("nodemap")), Atom("setting", "it", Is("no_root_squash"))),
            "a client's superuser administers the file system",
        ),
    ),
    rests=(
        asked_of("nodemap", complete=True),
        When((Atom("setting", "it", Is("nodemap=active")),), "clients are mapped"),
    ),
    why="A map is chosen by the client's network id, which its superuser can set: the weakest map is everybody's, "
    "and "
    "behind a trusted one a client reads as any owner.",
    remedy="lctl nodemap_activate 1; per tenant a nodemap with admin=0 trusted=0 and its own fileset; shared-secret "
    "keys "
    "for the network ids (lgss_sk).",
    opens=("impersonate",),
    weight=9,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("AC-3", "IA-3"), atlas=("AML.T0035",), d3fend=("D3-RFAM",)),
    source="Lustre wiki, Multi Tenancy: nodemaps trust network ids",
)
