"""The scheduler's REST interface asks every caller for a token."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.seen import SOCKETS

_REST = Atom("service_kind", "it", Is("slurmrestd"))
_OPEN = Atom("authenticates", "it", Is("none"))

CHECK = Check(
    id="RF-S10",
    name="scheduler_rest",
    title="The scheduler's REST interface asks every caller for a token",
    layer=Layer.SCHEDULER,
    each=(When((_REST,)),),
    fails=(
        When((_REST, _OPEN), "callers prove nothing"),
        When((_REST, _OPEN, Atom("runs_as", "it", "account")), "and act as its account", opens=("account#use",)),
    ),
    rests=(
        SOCKETS,
        When((Atom("authenticates", "it", Like("token|key|mtls")),), "callers prove who they are"),
    ),
    why="Without a token whoever reaches the port submits and reads work as the account that the daemon runs as.",
    remedy="Start slurmrestd with -a rest_auth/jwt as an account of its own, AuthAltTypes=auth/jwt, behind TLS.",
    weight=9,
    threats=("RF.T14", "RF.T15"),
    refs=Refs(nist=("IA-2", "AC-3"), d3fend=("D3-TBA",)),
    source="slurmrestd(8)",
)
