"""An estate that changes, with its edges and its reach kept up to date: see `Live` and `LiveEdges`."""

from ringfence.analyse.incremental.follow import Change, LiveEdges
from ringfence.analyse.incremental.live import Live

__all__ = ["Change", "Live", "LiveEdges"]
