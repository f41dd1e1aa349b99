"""Our own form, one object a line: `{"source", "target", "protocol", "port", "sent", "returned", "when"}`.

`source` and `target` are addresses or entities (`host:gpu0001`, `job:slurm/c/1@host:gpu0001`).
"""

import re
from collections.abc import Mapping

from ringfence.wire.flows.values import PROTOCOLS, Flow, address, port

_ENTITY = re.compile(r"\A[a-z]{2,12}:[^\x00-\x1f\x7f]{1,250}\Z")


def of(record: Mapping[str, object], number: int) -> Flow:
    """The flow in a record. Raises `ValueError`, `KeyError`."""
    protocol = PROTOCOLS.get(str(record["protocol"]))
    if protocol is None:
        raise ValueError(f"protocol {record['protocol']!r} is not known here")
    return Flow(
        _end(str(record["source"])),
        _end(str(record["target"])),
        protocol,
        port(str(record.get("port", 0))),
        int(str(record.get("sent", 0))),
        int(str(record.get("returned", 0))),
        float(str(record.get("when", 0))),
        number,
    )


def _end(text: str) -> str:
    try:
        return address(text)
    except ValueError:
        if not _ENTITY.match(text):
            raise ValueError(f"{text!r} is no address and no entity") from None
        return text
