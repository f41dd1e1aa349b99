"""What commands on the server's machine say to the server over its Unix socket (0600): frames as on the channel.

Send ─▶ server   ◀─ Result (one for each host, as it comes) … ◀─ End
Ask ──▶ server   ◀─ Connected
"""

from typing import Annotated

import msgspec

from ringfence.errors import InputError
from ringfence.wire.orders import Entity, JobNumber, Line, Receipt, Target, Text

LONGEST = 24 << 20


class Send(msgspec.Struct, frozen=True, tag="send", forbid_unknown_fields=True):
    """Make this the desired state of a slot on these hosts, and wait for their receipts."""

    hosts: tuple[Entity, ...]
    target: Target
    action: str
    text: Text = ""
    name: Line = ""
    job: JobNumber = ""
    covers: tuple[JobNumber, ...] = ()
    timeout: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 30.0


class Ask(msgspec.Struct, frozen=True, tag="ask", forbid_unknown_fields=True):
    """Who is connected?"""


class Result(msgspec.Struct, frozen=True, tag="result"):
    """What became of the order to one host: its receipt and the read-back, or why there is none, with what was left."""

    host: str
    receipt: Receipt | None = None
    text: str = ""
    error: str = ""
    remedy: str = ""
    left: tuple[str, ...] = ()


class Node(msgspec.Struct, frozen=True):
    """One host. `since`: the second of its connection, 0 where it is not connected.

    `strays`: slots it holds that the server never ordered, as target or target/job; `lacking`: targets that are
    desired there and that it has no driver for. Since the server's folder was made: `foreign` counts attempts to
    speak for another host, by this one's certificate; `mended` how often what it had in force had been changed.
    """

    host: str
    since: int
    strays: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    foreign: int = 0
    mended: int = 0


class Connected(msgspec.Struct, frozen=True, tag="connected"):
    """Everyone who is connected, and who is not but was counted."""

    nodes: tuple[Node, ...]


class End(msgspec.Struct, frozen=True, tag="end"):
    """Nothing more comes. `error` is why the request was not taken at all."""

    error: str = ""


Message = Send | Ask | Result | Connected | End
_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def encode(message: Message) -> bytes:
    """The whole frame, four bytes of length first."""
    body = msgspec.json.encode(message)
    return len(body).to_bytes(4, "big") + body


def decode(body: bytes) -> Message:
    """The message in a frame's body. Raises `InputError`."""
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not a message of the control socket: {error}"[:300]) from None
