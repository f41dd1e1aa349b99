"""An estate that changes, with its edges and its reach kept up to date: see `Live`."""

from ringfence.analyse.incremental.live import Change, Live

__all__ = ["Change", "Live"]
