"""Accelerator telemetry asks callers who they are."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.seen import SOCKETS

_KIND = Atom("service_kind", "it", Like(r"dcgm(-exporter)?"))
_OPEN = Atom("authenticates", "it", Is("none"))
_HEARD = Atom("listens_on", "it", "network")

CHECK = Check(
    id="RF-N05",
    name="dcgm_open",
    title="Accelerator telemetry asks callers who they are",
    layer=Layer.ACCELERATOR,
    each=(When((_KIND,)),),
    fails=(
        When(
            (_OPEN, _KIND, Atom("runs_on", "it", "host"), Atom("has_gpu", "host", "gpu")),
            "it tells counters of accelerators that tenants compute on",
            opens=("gpu#observe",),
        ),
        When((_OPEN, _KIND, _HEARD), "it asks nobody, and is heard on a network"),
        When((_OPEN, _KIND), "it asks nobody", opens=()),
    ),
    rests=(
        SOCKETS,
        When((Atom("authenticates", "it", Like(r"password|key|token|mtls")),), "it asks callers who they are"),
    ),
    why="The DCGM host engine and its exporter ask nobody: utilisation and profiling counters of other tenants' "
    "work are a side channel over the network.",
    remedy="Bind nv-hostengine to a Unix socket or the loopback address; let only the scraper reach the exporter.",
    weight=5,
    refs=Refs(nist=("IA-2", "SC-7"), attack=("T1046",)),
    source="the programs' own defaults",
)
