"""The kubelet asks callers who they are."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.seen import SOCKETS

_KIND = Atom("service_kind", "it", Is("kubelet"))
_OPEN = Atom("authenticates", "it", Is("none"))
_HEARD = Atom("listens_on", "it", "network")

CHECK = Check(
    id="RF-N08",
    name="kubelet_open",
    title="The kubelet asks callers who they are",
    layer=Layer.HOST,
    each=(When((_KIND,)),),
    fails=(
        When((_OPEN, _KIND, Atom("runs_on", "it", "host"), _HEARD), "it asks nobody, and is heard on a network"),
        When((_OPEN, _KIND), "it asks nobody", opens=()),
    ),
    rests=(
        SOCKETS,
        When((Atom("authenticates", "it", Like(r"password|key|token|mtls")),), "it asks callers who they are"),
    ),
    why="A kubelet that admits anonymous callers runs commands in every pod of its node, other tenants' training "
    "among them.",
    remedy="authentication.anonymous.enabled: false and authorization.mode: Webhook in the kubelet's configuration.",
    opens=("host#user",),
    weight=9,
    refs=Refs(
        nist=("IA-2", "SC-7"), attack=("T1190",), d3fend=("D3-ACH",), cis=("Kubernetes 4.2.1", "Kubernetes 4.2.2")
    ),
    source="Kubernetes, Kubelet authentication/authorization",
)
