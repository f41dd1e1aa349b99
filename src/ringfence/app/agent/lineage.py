"""Opens of weights, checkpoints and datasets as facts: which job reads and writes what, once a day each.

FILE open, job:…/17, dataset:web ─▶ {"subject":"job:…/17","predicate":"reads","object":"dataset:web", …}
"""

import os
from pathlib import Path

import msgspec

from ringfence.errors import UsageError
from ringfence.estate.facts import Fact
from ringfence.wire.ocsf.classes import FILE
from ringfence.wire.ocsf.event import Event

_PREDICATES = {14: "reads", 2: "reads", 1: "writes", 3: "writes", 5: "writes", 4: "writes"}
"""By activity: open and read, create, update, rename, delete."""
_DAY = 86_400_000_000
_MOST = 65536
SOURCE = "agent/files"


class Lineage:
    """Facts appended to a file (0600), which `ringfence collect` reads. Raises `UsageError`."""

    def __init__(self, path: Path) -> None:
        try:
            self._out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        self._told: set[tuple[str, str, str, int]] = set()

    def take(self, event: Event) -> None:
        """Write the fact of an event, if it is one and new today."""
        job, data = event.fields.get("job.uid"), event.fields.get("file.data")
        predicate = _PREDICATES.get(event.activity_id)
        if event.class_uid != FILE or not job or not data or predicate is None:
            return
        key = (str(job), predicate, str(data), event.time // _DAY)
        if key in self._told:
            return
        if len(self._told) >= _MOST:
            self._told.clear()
        fact = Fact(str(job), predicate, str(data), {}, SOURCE, event.time / 1e6)
        try:
            os.write(self._out, msgspec.json.encode(fact) + b"\n")
        except OSError:
            return  # a full disk: told again at the next open
        self._told.add(key)
