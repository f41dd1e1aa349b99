"""What an event is called: the classes and columns of OCSF, and our extension of it for GPU clusters.

        a log line ──wire/logs──▶ Event ──watch/batch──▶ an Arrow record batch of the same columns

Plain data: an agent reads these tables too, so nothing here knows of arrays. Source: the Open Cybersecurity Schema
Framework, ocsf/ocsf-schema 1.x, whose attribute paths the columns bear. What OCSF has no attribute for stands under
`unmapped.` with the name that its tool gives it, so that nothing of an event is lost and rules find it by that name.
"""

from ringfence.wire.ocsf.classes import CLASSES, Class
from ringfence.wire.ocsf.columns import COLUMNS, UNMAPPED, Column
from ringfence.wire.ocsf.event import Event

__all__ = ["CLASSES", "COLUMNS", "UNMAPPED", "Class", "Column", "Event"]
