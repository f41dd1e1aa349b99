"""What a Slurm prolog or epilog was told: its environment, as a line of JSON or as the lines that `env` prints.

    env; echo ---                 a block of NAME=VALUE, ended by dashes, by `_=` or by a name that comes again
    env | jq -Rn '[inputs | select(startswith("SLURM_")) | split("=") | {(.[0]): (.[1:] | join("="))}] | add'

Source: SchedMD's "Prolog and Epilog Guide": `SLURM_SCRIPT_CONTEXT` says which hook it is, `SLURM_JOB_*` whom it is
about. A prolog on the controller tells all nodes; one on a node tells of itself alone. Of a block only the names that
begin with `SLURM` are kept: an environment may hold secrets. A job's name or comment may hold a line feed and more
names behind it; JSON is safe from that.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.estate import ids
from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.row import Row, micros
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from ringfence.wire.slurm import hostlist

_CONTEXT = "SLURM_SCRIPT_CONTEXT"
_OURS = ("SLURM_", "SLURMD_")
_LAST = "_"
_PAIR = re.compile(r"\A([A-Za-z_][A-Za-z0-9_]{0,80})=(.*)\Z", re.DOTALL)
_BLOCK = re.compile(rb"(?:\A|\n)SLURM_SCRIPT_CONTEXT=(?:prolog|epilog)_")
_MOST_NAMES = 256
_MOST_HOSTS = 12_000
_PLAIN = {
    "SLURM_JOB_NAME": "job.name",
    "SLURM_JOB_USER": "job.user",
    "SLURM_JOB_ACCOUNT": "job.account",
    "SLURM_JOB_PARTITION": "job.partition",
    "SLURM_JOB_RESERVATION": "job.reservation",
    "SLURM_JOB_CONSTRAINTS": "job.features",
    "SLURM_JOB_COMMENT": "message",
}
_DECODER = msgspec.json.Decoder(dict[str, Any])


class Reader:
    """One hook a line, or a block of `NAME=VALUE` lines."""

    def __init__(self) -> None:
        self._block: dict[str, Any] = {}

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The start or the end of a job, where this line completes it."""
        if line.startswith("{"):
            return (*self.end(), _event(_DECODER.decode(line)))
        if line.strip("-") == "":
            return self.end()
        found = _PAIR.match(line)
        if not found:
            if self._block:
                return ()  # a value of more than one line: what the job may have put there is not looked at
            raise ValueError("no object and no NAME=VALUE")
        name, value = found.groups()
        done = self.end() if name in self._block or (name == _LAST and _CONTEXT in self._block) else ()
        if name.startswith(_OURS):
            if len(self._block) >= _MOST_NAMES:
                raise ValueError(f"more than {_MOST_NAMES} names in a block")
            self._block[name] = value
        return done

    def end(self) -> Iterable[Event]:
        """The block that is open."""
        block, self._block = self._block, {}
        return (_event(block),) if block else ()


def _event(record: Mapping[str, Any]) -> Event:
    context, job = str(record[_CONTEXT]), str(record["SLURM_JOB_ID"])
    if not job.isdigit() or len(job) > 10:
        raise ValueError("SLURM_JOB_ID is no number")
    row = Row(classes.JOB)
    row.put("job.uid", ids.job(str(record.get("SLURM_CLUSTER_NAME", "")), job))
    _hosts(row, record)
    for name, value in record.items():
        if name in _PLAIN:
            row.put(_PLAIN[name], value)
        else:
            row.take(name, value)
    begins = context.startswith("prolog")
    when = micros(record.get("time") or record.get("SLURM_JOB_START_TIME" if begins else "SLURM_JOB_END_TIME"))
    host = "" if context.endswith("slurmctld") else str(record.get("SLURMD_NODENAME", ""))
    return row.event(when, host, f"slurm/job/{context.partition('_')[0]}", 2 if begins else 3)


def _hosts(row: Row, record: Mapping[str, Any]) -> None:
    try:
        hosts = hostlist.expand(str(record.get("SLURM_JOB_NODELIST", "")), _MOST_HOSTS)
    except InputError:
        return  # the text itself is kept under its own name
    if hosts:
        row.put("job.hosts", ",".join(hosts))
        row.put("job.nodes", len(hosts))
    gpus = str(record.get("SLURM_JOB_GPUS", ""))
    if gpus:
        row.put("job.gpus", len(gpus.split(",")) * max(len(hosts), 1))


def looks(head_: bytes) -> bool:
    """Whether the first object, or most of the first lines, are the environment of a hook."""
    if {_CONTEXT, "SLURM_JOB_ID"} <= set(head.record(head_)):
        return True
    if not _BLOCK.search(head_):
        return False
    lines = head.lines(head_)
    return head.mostly(sum(1 for line in lines if _PAIR.match(line)), len(lines))


FORM = Form("slurm-hook", "the environment of a Slurm prolog or epilog, as JSON or lines", looks, Reader, json=True)
