"""The model registry asks callers who they are."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.seen import SOCKETS

_KIND = Atom("service_kind", "it", Is("mlflow"))
_OPEN = Atom("authenticates", "it", Is("none"))
_HEARD = Atom("listens_on", "it", "network")

CHECK = Check(
    id="RF-N03",
    name="mlflow_open",
    title="The model registry asks callers who they are",
    layer=Layer.WORKFLOW,
    each=(When((_KIND,)),),
    fails=(
        When(
            (_OPEN, _KIND, Atom("pulled_from", "artefact", "it")),
            "models come from it, to read and to replace",
            opens=("artefact#read", "artefact#write"),
        ),
        When((_OPEN, _KIND, _HEARD), "it asks nobody, and is heard on a network"),
        When((_OPEN, _KIND), "it asks nobody", opens=()),
    ),
    rests=(
        SOCKETS,
        When((Atom("authenticates", "it", Like(r"password|key|token|mtls")),), "it asks callers who they are"),
    ),
    why="An MLflow server that was started without an authentication app hands out models to every caller and takes "
    "new versions that others load.",
    remedy="Start it with --app-name basic-auth behind TLS; let only training and serving identities through.",
    weight=8,
    refs=Refs(nist=("IA-2", "SC-7"), atlas=("AML.T0035", "AML.T0010.003"), attack=("T1190",), d3fend=("D3-PWA",)),
    source="MLflow, Authentication: off unless an app is named",
)
