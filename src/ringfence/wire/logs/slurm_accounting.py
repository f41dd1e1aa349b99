"""`sacct --parsable2`: jobs as the accounting has them; each gives what has happened of it: submitted, started, ended.

    JobID|JobName|User|Account|Partition|State|Submit|Start|End|NodeList|AllocTRES|ExitCode

Source: SchedMD's sacct(1). Times are local to the cluster and taken as UTC unless they name a zone. Steps (`4711.0`)
are not jobs and are passed over.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from ringfence.errors import InputError
from ringfence.estate import ids
from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.row import Row, micros
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from ringfence.wire.slurm import hostlist

_GPUS = re.compile(r"(?:\A|,)gres/gpu=(\d{1,9})(?:,|\Z)")
_NUMBER = re.compile(r"\A(\d{1,10})(?:[_+][\w\[\]%,-]{1,80})?\Z")
_MOST_HOSTS = 12_000
_ENDINGS = (("CANCELLED", 5), ("REQUEUED", 4), ("PREEMPTED", 4))
_RUNNING = ("PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING")
_PLAIN = {
    "JobName": "job.name",
    "User": "job.user",
    "Account": "job.account",
    "Partition": "job.partition",
    "Reservation": "job.reservation",
    "SubmitLine": "job.command",
    "Constraints": "job.features",
    "NNodes": "job.nodes",
    "AllocNodes": "job.nodes",
}
_LOGSOURCE = "slurm/job/accounting"


class Reader:
    """A line of names, then a line a job."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """Up to three events of one job."""
        cells = line.rstrip("\r").split("|")
        if not self._names or cells == self._names:
            self._names = cells
            return ()
        if len(cells) != len(self._names):
            raise ValueError(f"{len(cells)} values for {len(self._names)} names")
        record = dict(zip(self._names, cells, strict=True))
        if "." in record["JobID"]:
            return ()
        if not _NUMBER.match(record["JobID"]):
            raise ValueError("no job's number")
        return tuple(_events(record))

    def end(self) -> Iterable[Event]:
        """Nothing is ever open."""
        return ()


def _events(record: Mapping[str, str]) -> Iterator[Event]:
    state = record.get("State", "").partition(" ")[0]
    for column, activity in (("Submit", 1), ("Start", 2)):
        when = micros(record.get(column))
        if when:
            yield _job(record).event(when, "", _LOGSOURCE, activity)
    when = micros(record.get("End"))
    if when and state not in _RUNNING:
        ended = next((activity for name, activity in _ENDINGS if state.startswith(name)), 3)
        yield _job(record).event(when, "", _LOGSOURCE, ended)


def _job(record: Mapping[str, str]) -> Row:
    row = Row(classes.JOB)
    row.put("job.uid", ids.job(record.get("Cluster", ""), record["JobID"].partition("+")[0]))
    row.put("job.state", record.get("State") or None)
    exit_code = record.get("ExitCode", "").partition(":")[0]
    row.put("job.exit_code", exit_code if exit_code.isdigit() else None)
    gpus = _GPUS.search(record.get("AllocTRES", "") or record.get("ReqTRES", ""))
    row.put("job.gpus", gpus[1] if gpus else None)
    _hosts(row, record.get("NodeList", ""))
    for name, value in record.items():
        if name in _PLAIN:
            row.put(_PLAIN[name], value or None)
        elif value:
            row.keep(name, value)
    return row


def _hosts(row: Row, said: str) -> None:
    if not said or said == "None assigned":
        return
    try:
        hosts = hostlist.expand(said, _MOST_HOSTS)
    except InputError:
        return  # the text itself is kept under its own name
    row.put("job.hosts", ",".join(hosts))
    row.put("job.nodes", len(hosts))


def looks(head_: bytes) -> bool:
    """Whether the first line is sacct's names."""
    lines = head.lines(head_)
    names = lines[0].split("|") if lines else []
    return "JobID" in names and len({"State", "Start", "End", "User", "NodeList", "Submit"} & set(names)) >= 2


FORM = Form("sacct", "sacct --parsable2", looks, Reader)
