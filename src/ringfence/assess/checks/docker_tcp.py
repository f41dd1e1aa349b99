"""The container daemon is not open over TCP."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.seen import SOCKETS

_KIND = Atom("service_kind", "it", Is("docker"))
_OPEN = Atom("authenticates", "it", Is("none"))
_HEARD = Atom("listens_on", "it", "network")

CHECK = Check(
    id="RF-N06",
    name="docker_tcp",
    title="The container daemon is not open over TCP",
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
    why="The daemon's interface on plain TCP runs containers with any mount for every caller: the superuser of the "
    "host, without a password.",
    remedy="Use the Unix socket; where TCP is needed, demand client certificates (tlsverify).",
    opens=("host#root",),
    weight=10,
    refs=Refs(nist=("IA-2", "SC-7"), atlas=("AML.T0105",), attack=("T1611",)),
    source="Docker, Protect the Docker daemon socket",
)
