"""What scheduler hooks and people on the node say to their enforcer: one line of JSON each way, then the end.

        {"verb":"wait-job","job":"4711"}                      ──▶  /run/ringfence/enforcer.sock
        {"verdict":"allow","why":"in force since …"}          ◀──

A hook needs no library: any program that writes a line to a Unix socket and reads one will do. Who asks is told by
the kernel (SO_PEERCRED), never by the request.
"""

from typing import Annotated

import msgspec

from ringfence.errors import InputError
from ringfence.wire.orders import Envelope, Id, JobNumber, Line

SOCKET = "/run/ringfence/enforcer.sock"
LONGEST_REQUEST = 8 << 10
LONGEST_ANSWER = 1 << 20

VERBS: dict[str, str] = {
    "wait-job": "answer once the compartment of `job` is in force here, or at the deadline",
    "remove-job": "take the compartment of `job` out of force here",
    "confine": "move the caller's own task into the compartment of the job that it already belongs to",
    "status": "what is in force, what was refused, whether the server is connected",
    "release": "open this host with an offline token",
}
"""Every verb. All but those of `OPEN_TO_ALL` are for root and the Slurm user."""

OPEN_TO_ALL = frozenset({"confine"})
"""What an ordinary user may ask: the caller's own process, the job it is in already, nothing else."""

VERDICTS: dict[str, str] = {
    "allow": "the job may start",
    "hold": "the job must not start now: requeue it",
    "done": "done as asked",
    "refused": "not for this caller, or not possible; nothing was changed",
}

ON_OUTAGE = ("allow", "hold")
"""What the gate says when our own side does not answer before the deadline."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One question. `deadline` in seconds from now (0: the enforcer's own); `token` for `release` only."""

    verb: Annotated[str, msgspec.Meta(max_length=16)]
    job: JobNumber = ""
    deadline: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    token: Envelope | None = None


class Held(msgspec.Struct, frozen=True):
    """One slot as `status` tells it. `state`: `in force`, `pending` (recorded, not finished), `failed`.

    `stands` is the digest of what a slot whose order failed is held to: what was in force before; "" for nothing.
    """

    target: str
    job: str
    state: str
    order: Id
    digest: str
    since: int
    error: Line = ""
    stands: str = ""


class Status(msgspec.Struct, frozen=True):
    """The enforcer at a glance. `refused` counts orders by reason; `unsent` receipts wait for the server.

    `missed` are orders that never came; `mended` how often what was in force was not what had been applied.
    """

    host: str
    connected: bool
    server: str
    sequence: int
    slots: tuple[Held, ...]
    refused: dict[str, int]
    unsent: int
    missed: int = 0
    released_until: int = 0
    on_outage: str = "hold"
    mended: int = 0


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer; `why` is one sentence for the operator."""

    verdict: str
    why: str
    status: Status | None = None


_REQUEST = msgspec.json.Decoder(Request)
_ANSWER = msgspec.json.Decoder(Answer)


def encode(value: Request | Answer) -> bytes:
    """One line, with its line feed."""
    return msgspec.json.encode(value) + b"\n"


def request(line: bytes) -> Request:
    """The request in a line. Raises `InputError`."""
    try:
        found = _REQUEST.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not a request: {error}"[:300], remedy='for example {"verb":"status"}') from None
    if found.verb not in VERBS:
        raise InputError(f"no verb is called {found.verb!r}", remedy="one of: " + ", ".join(VERBS))
    return found


def answer(line: bytes) -> Answer:
    """The answer in a line. Raises `InputError`."""
    try:
        return _ANSWER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not an enforcer's answer: {error}"[:300]) from None
