"""The reach engine. Two questions, and the answer says which was asked.

*From one foothold set*: `reach_from` (with minutes and derivations) or `closure` (mask only): exact,
AND edges obeyed, footholds held together.

*Every position against every jewel*: `reach_sets` encloses the answer between two bounds and
`settle` decides what differs. Each position stands alone there.

Positions are dense numbers here: `Graph.index` and `Graph.positions` translate.
"""

from ringfence.analyse.reach.bounds import Bounds, reach_sets
from ringfence.analyse.reach.fixpoint import Bans, Reached, closure, reach_from, unknown_reached
from ringfence.analyse.reach.graph import Graph
from ringfence.analyse.reach.near import Near, nearest
from ringfence.analyse.reach.scc import Condensed, condense, condense_rows
from ringfence.analyse.reach.settle import settle
from ringfence.analyse.reach.sweep import Sets, sweep

__all__ = [
    "Bans",
    "Bounds",
    "Condensed",
    "Graph",
    "Near",
    "Reached",
    "Sets",
    "closure",
    "condense",
    "condense_rows",
    "nearest",
    "reach_from",
    "reach_sets",
    "settle",
    "sweep",
    "unknown_reached",
]
