"""What a Slurm prolog or epilog was told, as one line of JSON of its environment.

    env | jq -Rn '[inputs | select(startswith("SLURM_")) | split("=") | {(.[0]): (.[1:] | join("="))}] | add'

Source: SchedMD's "Prolog and Epilog Guide": `SLURM_SCRIPT_CONTEXT` says which hook it is, `SLURM_JOB_*` whom it is
about. A prolog on the controller tells all nodes; one on a node tells of itself alone.
"""

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
    """One hook a line."""

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The start or the end of a job."""
        record = _DECODER.decode(line)
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
        return (row.event(when, host, f"slurm/job/{context.partition('_')[0]}", 2 if begins else 3),)

    def end(self) -> Iterable[Event]:
        """Nothing is ever open."""
        return ()


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
    """Whether the first object is the environment of a hook."""
    found = head.record(head_)
    return _CONTEXT in found and "SLURM_JOB_ID" in found


FORM = Form("slurm-hook", "the environment of a Slurm prolog or epilog as JSON", looks, Reader, json=True)
