"""An event as a line of JSON whose names are the columns: what agents send and `--print` shows.

`{"class_uid":3002,"activity_id":1,"time":1767225600000000,"device.hostname":"gpu0001","logsource":"…","user.name":…}`
"""

import msgspec

from ringfence.wire.ocsf.event import Event

LONGEST_VALUE = 8192
"""Characters of one text: whoever can write a command line decides how long it is."""
_ENCODER = msgspec.json.Encoder()


def line(event: Event) -> bytes:
    """The line, with its end. Source and number are not in it: whoever receives it knows them better."""
    row = {
        "class_uid": event.class_uid,
        "activity_id": event.activity_id,
        "time": event.time,
        "device.hostname": event.host,
        "logsource": event.logsource,
    }
    for name, value in event.fields.items():
        row[name] = _fit(value) if isinstance(value, str) else value
    return _ENCODER.encode(row) + b"\n"


def _fit(text: str) -> str:
    cut = text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
    if cut.isascii():
        return cut
    return cut.encode("utf-8", "replace").decode("utf-8")  # names of files need not be text; JSON has to be
