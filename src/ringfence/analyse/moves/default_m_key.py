"""Ports without a management key obey any management datagram."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M094",
    name="default_m_key",
    title="Ports without a management key obey any management datagram",
    gives="every setting of every port: partition tables, routes, link state. Not a shell, and no host notices",
    rules=(
        Rule(
            start=(At("fabric", "send"),),
            to=At("fabric", "manage"),
            facts=(Atom("setting", "fabric", Is("m_key=0"), hole="opensm-conf"),),
            kinds={"fabric": ("network",)},
        ),
    ),
    minutes=Minutes(2, 15, "estimate; that opensm 3.3.23 does so was measured on simulated fabrics of four hosts"),
    why="With M_Key 0 a port accepts Set(P_KeyTable) from anyone who can send a datagram. A second opensm with a *different* SM_Key was refused as a peer and still rewrote every table.",
    end="m_key_per_port TRUE with m_key_protection_level 2 (or one secret m_key), and the filter that adapters have on datagrams from the host.",
    attack=("T1557",),
)
