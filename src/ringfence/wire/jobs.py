"""What the controller's hooks and people say to the follower: one line of JSON each way, as in `hooks`.

        {"verb":"started","job":"4711","nodes":"gpu[0001-0004]","user":"ann","account":"vision"}   ──▶  SOCKET
        {"verdict":"allow","why":"read back on 4 hosts"}                                           ◀──

The answer is a `hooks.Answer`. `started` is answered once the job's compartment was read back on every host.
"""

from typing import Annotated

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.orders import JobNumber, Line
from ringfence.wire.slurm import rest
from ringfence.wire.slurm.values import Job

SOCKET = "/run/ringfence/follow.sock"

VERBS: dict[str, str] = {
    "started": "a job was given nodes: put its compartment in force there, and answer when it was read back",
    "ended": "a job has ended: take its compartment out of force, and free its keys",
    "status": "which jobs are followed, and what was late or failed",
}
"""Every verb; all are for root and the Slurm user."""

Name = Annotated[str, msgspec.Meta(max_length=256)]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One event. `nodes` is a hostlist; `leader` the first job of an array or a heterogeneous job, "" for none.

    `deadline` in seconds from now (0: the follower's own).
    """

    verb: Annotated[str, msgspec.Meta(max_length=16)]
    job: JobNumber = ""
    nodes: Annotated[str, msgspec.Meta(max_length=1 << 16)] = ""
    user: Name = ""
    account: Name = ""
    leader: JobNumber = ""
    deadline: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0


class Seen(msgspec.Struct, frozen=True):
    """A job as Slurm tells it, and the job that leads its run ("" for none)."""

    row: Job
    leader: str = ""


class Followed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One job in `status`. `state`: `in force`, `pending`, `failed`, `leaving`; `since` in seconds since the epoch."""

    job: str
    state: str
    hosts: int
    since: int
    why: Line = ""


_REQUEST = msgspec.json.Decoder(Request)


class _Het(msgspec.Struct):
    job_id: int = 0
    het_job_id: int | dict[str, object] | None = 0


class _Hets(msgspec.Struct):
    jobs: list[_Het] = []


def request(line: bytes) -> Request:
    """The request in a line. Raises `InputError`."""
    try:
        found = _REQUEST.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not a request: {error}"[:300], remedy='for example {"verb":"status"}') from None
    if found.verb not in VERBS:
        raise InputError(f"no verb is called {found.verb!r}", remedy="one of: " + ", ".join(VERBS))
    if found.verb != "status" and not found.job:
        raise InputError(f"{found.verb} needs a job")
    return found


def of_request(asked: Request) -> Seen:
    """The job of an event, as `squeue` would tell it."""
    row = Job(asked.job, asked.user, asked.account, states=("CONFIGURING",), nodes=asked.nodes)
    return Seen(row, asked.leader if asked.leader != asked.job else "")


def running(data: bytes) -> dict[str, Seen]:
    """The jobs that hold nodes in the JSON of `squeue`, by number. Raises `InputError`."""
    leaders = {str(one.job_id): _leader(one) for one in safe.json(data, _Hets).jobs}
    rows = (row for row in rest.read(data).jobs if row.runs and row.nodes)
    return {row.number: Seen(row, leaders.get(row.number, "")) for row in rows}


def _leader(row: _Het) -> str:
    number = row.het_job_id.get("number", 0) if isinstance(row.het_job_id, dict) else row.het_job_id
    return str(number) if isinstance(number, int) and number and number != row.job_id else ""
