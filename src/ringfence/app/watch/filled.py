"""What an event does not say and whoever received it knows: who sent it, and which Slurm cluster a number is of."""

import msgspec

from ringfence.wire.ocsf.event import Event, Value

_CLAIM, _JOB = "unmapped.source", "job.uid"
_NAMELESS = "job:slurm//"


def filled(event: Event, source: str, cluster: str, counted: bool) -> Event:
    """The event with its source, and with the cluster of a job whose log names none.

    `counted`: its numbers are those of its sender, so that gaps show; a file of several sensors has several senders.
    """
    fields: dict[str, Value] = dict(event.fields)
    claim = str(fields.pop(_CLAIM, ""))
    job = fields.get(_JOB)
    if cluster and isinstance(job, str) and job.startswith(_NAMELESS):
        fields[_JOB] = f"job:slurm/{cluster}/{job.removeprefix(_NAMELESS)}"
    sent_by = f"{source}/{claim}" if claim else source
    return msgspec.structs.replace(event, source=sent_by, seq=event.seq if counted else 0, fields=fields)
