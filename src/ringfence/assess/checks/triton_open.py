"""Inference servers ask callers who they are."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.seen import SOCKETS

_KIND = Atom("service_kind", "it", Is("triton"))
_OPEN = Atom("authenticates", "it", Is("none"))
_HEARD = Atom("listens_on", "it", "network")

CHECK = Check(
    id="RF-N04",
    name="triton_open",
    title="Inference servers ask callers who they are",
    layer=Layer.WORKFLOW,
    each=(When((_KIND,)),),
    fails=(
        When(
            (_OPEN, _KIND, Atom("runs_on", "it", "host"), Atom("setting", "it", Is("model-control=explicit"))),
            "callers may load models, Python back ends among them",
            opens=("host#user",),
        ),
        When((_OPEN, _KIND, _HEARD), "it asks nobody, and is heard on a network"),
        When((_OPEN, _KIND), "it asks nobody", opens=()),
    ),
    rests=(
        SOCKETS,
        When((Atom("authenticates", "it", Like(r"password|key|token|mtls")),), "it asks callers who they are"),
    ),
    why="Triton has no accounts: every caller may ask the model, and with explicit model control load one whose "
    "back end is Python.",
    remedy="Put a proxy that checks callers in front, --model-control-mode=none, and restrict the protocols of the "
    "model repository.",
    weight=7,
    refs=Refs(nist=("IA-2", "SC-7"), atlas=("AML.T0049",), attack=("T1190",), d3fend=("D3-PBWSAM",)),
    source="Triton Inference Server, Secure Deployment Considerations",
)
