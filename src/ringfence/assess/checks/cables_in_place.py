"""Cables are where the plan has them."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-F10",
    name="cables_in_place",
    title="Cables lead where the plan says",
    layer=Layer.FABRIC,
    each=(
        all_of("switch"),
        When((Atom("asked", "it", Is("cable-plan")),)),
        When((Atom("tampered", "it", Is("cable-moved")),)),
    ),
    fails=(When((Atom("tampered", "it", Is("cable-moved")),), "a port has another neighbour than the plan says"),),
    rests=(asked_of("cable-plan", complete=True),),
    why="A port's VLAN, filter and partition follow the socket: a cable that moved puts a host into another "
    "tenant's network, or a tap in between.",
    remedy="Find who moved it; put it back or change the plan; a port that is not planned is shut down.",
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(attack=("T1200",), d3fend=("D3-PLM",)),
    source="LLDP of hosts and switches against the cable plan",
)
