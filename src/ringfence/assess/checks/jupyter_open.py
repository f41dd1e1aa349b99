"""Notebook servers ask callers who they are."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.seen import SOCKETS

_KIND = Atom("service_kind", "it", Is("jupyter"))
_OPEN = Atom("authenticates", "it", Is("none"))
_HEARD = Atom("listens_on", "it", "network")

CHECK = Check(
    id="RF-N02",
    name="jupyter_open",
    title="Notebook servers ask callers who they are",
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
    why="A notebook server is a shell in a browser, next to the data and on an accelerator; with an empty token and "
    "no password it asks nobody.",
    remedy="Leave the token on, bind to the loopback address, and reach it through JupyterHub or an SSH tunnel.",
    opens=("host#user",),
    weight=9,
    refs=Refs(nist=("IA-2", "SC-7"), atlas=("AML.T0049",), attack=("T1190",), d3fend=("D3-TBA",)),
    source="Jupyter Server, Security: token and password",
)
