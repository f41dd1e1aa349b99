"""Storage that keeps models and data is offered to hosts by name, not to whole networks for writing."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.seen import EXPORTS

_KEEPS = Atom("stored_on", "data", "it")
_NETWORK: dict[str, tuple[str, ...]] = {"to": ("network",)}

CHECK = Check(
    id="RF-D16",
    name="export_to_network",
    title="Storage that keeps models and data is offered to hosts by name, not to whole networks for writing",
    layer=Layer.STORAGE,
    each=(
        When((_KEEPS, Atom("exported_by", "it", "server"))),
        When((_KEEPS, Atom("asked", "it", Is("exports")))),
        When((_KEEPS, Atom("exported_to", "it", "to"))),
    ),
    fails=(
        When(
            (_KEEPS, Atom("exported_to", "it", "to", {"mode": "rw"})),
            "every host of a network may mount it for writing",
            kinds=_NETWORK,
        ),
    ),
    rests=(EXPORTS,),
    why="An address range is the widest kind of door: a laptop, a notebook server or a printer of that network "
    "mounts "
    "the data as the training nodes do.",
    remedy="In /etc/exports name the hosts or netgroups that need it, ro for all but the ingesting host, and run "
    "exportfs -ra.",
    opens=("mount",),
    weight=5,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("AC-3", "SC-7"), atlas=("AML.T0035",), d3fend=("D3-RFAM",)),
    source="exports(5): machine name formats",
)
