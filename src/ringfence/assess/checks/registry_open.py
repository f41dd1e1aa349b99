"""The image registry asks who pushes."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.seen import SOCKETS

_KIND = Atom("service_kind", "it", Is("registry"))
_OPEN = Atom("authenticates", "it", Is("none"))
_HEARD = Atom("listens_on", "it", "network")

CHECK = Check(
    id="RF-N07",
    name="registry_open",
    title="The image registry asks who pushes",
    layer=Layer.WORKFLOW,
    each=(When((_KIND,)),),
    fails=(
        When(
            (_OPEN, _KIND, Atom("pulled_from", "image", "it"), Atom("uses_image", "work", "image")),
            "work starts from images that anyone may replace",
            opens=("image#write",),
        ),
        When((_OPEN, _KIND, _HEARD), "it asks nobody, and is heard on a network"),
        When((_OPEN, _KIND), "it asks nobody", opens=()),
    ),
    rests=(
        SOCKETS,
        When((Atom("authenticates", "it", Like(r"password|key|token|mtls")),), "it asks callers who they are"),
    ),
    why="A registry without authentication takes a new image under an old tag from anyone who reaches it, and every "
    "node starts it.",
    remedy="Require a token to push, make tags immutable, pull by digest.",
    weight=8,
    refs=Refs(nist=("IA-2", "SC-7"), atlas=("AML.T0010.004",), attack=("T1525",), d3fend=("D3-TBA",)),
    source="CNCF Distribution, configuration: auth",
)
