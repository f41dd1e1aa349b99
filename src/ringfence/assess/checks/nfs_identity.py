"""Storage that keeps models and data believes no client's word for who its user is."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.seen import EXPORTS

_KEEPS = Atom("stored_on", "data", "it")

CHECK = Check(
    id="RF-D15",
    name="nfs_identity",
    title="Storage that keeps models and data believes no client's word for who its user is",
    layer=Layer.STORAGE,
    each=(
        When((_KEEPS, Atom("exported_by", "it", "server"))),
        When((_KEEPS, Atom("asked", "it", Is("exports")))),
        When((_KEEPS, Atom("setting", "it", Like(r"sec=.*")))),
    ),
    fails=(When((Atom("setting", "it", Is("sec=sys")),), "the client's superuser says who the user is"),),
    rests=(EXPORTS, When((Atom("setting", "it", Like(r"sec=krb5[ip]?")),), "users prove themselves by Kerberos")),
    why="File modes are the fence of weights and datasets, and with AUTH_SYS the server takes the account number "
    "from "
    "the client: the superuser of any one node that mounts is every owner.",
    remedy="sec=krb5p on the exports that keep jewels; where that is not possible, one export per tenant, offered "
    "to that "
    "tenant's nodes alone, with all_squash to its account.",
    opens=("impersonate",),
    weight=7,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("IA-2", "AC-3"), atlas=("AML.T0035",), d3fend=("D3-RFAM",)),
    source="exports(5), sec=",
)
