"""Observed connections, in the forms in which tools keep them: conntrack, Zeek, Hubble, NDJSON.

`read` finds the form by looking at the first lines. A line that does not parse becomes a `Problem` with its number,
and the rest go on; replies and half-seen connections are told apart from openings where the form says which is which.
"""

from ringfence.wire.flows.read import FORMS, read
from ringfence.wire.flows.values import Flow

__all__ = ["FORMS", "Flow", "read"]
