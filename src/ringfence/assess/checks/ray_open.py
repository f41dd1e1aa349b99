"""Ray clusters ask callers who they are."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.seen import SOCKETS

_KIND = Atom("service_kind", "it", Is("ray"))
_OPEN = Atom("authenticates", "it", Is("none"))
_HEARD = Atom("listens_on", "it", "network")

CHECK = Check(
    id="RF-N01",
    name="ray_open",
    title="Ray clusters ask callers who they are",
    layer=Layer.WORKFLOW,
    each=(When((_KIND,)),),
    fails=(
        When((_OPEN, _KIND, Atom("runs_on", "it", "host"), _HEARD), "it asks nobody, and is heard on a network"),
        When((_OPEN, _KIND), "it asks nobody", opens=()),
    ),
    rests=(
        SOCKETS,
        When((Atom("authenticates", "it", Like(r"password|key|token|mtls")),), "it asks callers who they are"),
    ),
    why="Ray's job interface runs programs for every caller by design: whoever reaches it trains, reads and mines "
    "as the account that Ray runs as.",
    remedy="Set RAY_AUTH_MODE=token, bind the head to the loopback address or a network of its own, and let only "
    "submitting hosts through the filter.",
    opens=("host#user",),
    weight=10,
    refs=Refs(
        nist=("IA-2", "SC-7"), atlas=("AML.T0049",), attack=("T1190",), d3fend=("D3-TBA",), cve=("CVE-2023-48022",)
    ),
    source="MITRE ATLAS, case study AML.CS0023 (ShadowRay)",
)
