"""What agents, relays and the server say to each other: telemetry up, acknowledgements down, a frame each.

        agent ── Agent ─▶ server (or relay)     every connection, under mutual TLS
              ◀─ Ready ──                       or Refused, and the connection ends
              ── Block ─▶                       lines of one sensor, numbered
              ◀─ Took ───                       … the server has them for good: the sender may forget them
              ── Beat ──▶ ◀── Beat              so that a dead peer is noticed
              ── Join ──▶ ◀── Joined            a stranger with a token, or a certificate that is due

        relay ── Batch ─▶ server                the same of many agents as Arrow IPC, with whose key each host has

A block's events bear the numbers `first`, `first + 1`, … of its source, which is the certificate's host and the
sensor; the lines themselves name no source that anybody believes.
"""

from typing import Annotated

import msgspec

from ringfence.wire.channel import Beat, Join, Joined, Refused
from ringfence.wire.frames import Codec
from ringfence.wire.orders import Entity, Line

BLOCK = 256 << 10
"""Bytes of lines in a block that an agent makes. A single line is never longer."""
BATCH = 8 << 20
"""Bytes of Arrow IPC in a batch that a relay makes."""
LONGEST_FRAME = BATCH + (1 << 20)
LONGEST_OF_AGENT = BLOCK + (16 << 10)
"""Bytes of a frame that an agent may send."""
VERSION = 1
URGENT = ".urgent"
"""What the name of a sensor's lane of urgent events ends in; each lane counts by itself."""

Sensor = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9_.-]{0,39}\Z")]
Number = Annotated[int, msgspec.Meta(ge=1, le=1 << 60)]
Key = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Agent(msgspec.Struct, frozen=True, tag="agent", forbid_unknown_fields=True):
    """Who connects, in which role and with which sensors. The server believes the certificate; this has to agree."""

    host: Entity
    role: Annotated[str, msgspec.Meta(max_length=16)]
    sensors: Annotated[tuple[Sensor, ...], msgspec.Meta(max_length=256)] = ()
    version: int = VERSION


class Ready(msgspec.Struct, frozen=True, tag="ready", forbid_unknown_fields=True):
    """The connection is taken. A sign of life is wanted every `heartbeat` seconds, and at most `window` frames
    may be on their way without an answer.
    """

    server: Line
    heartbeat: Annotated[float, msgspec.Meta(gt=0, le=3600)]
    window: Annotated[int, msgspec.Meta(ge=1, le=4096)]


class Block(msgspec.Struct, frozen=True, tag="block", forbid_unknown_fields=True):
    """`count` lines of NDJSON of one sensor. `number` counts the frames of this connection, for `Took`."""

    number: Number
    sensor: Sensor
    first: Number
    count: Annotated[int, msgspec.Meta(ge=1, le=BLOCK)]
    data: Annotated[bytes, msgspec.Meta(max_length=BLOCK)]
    urgent: bool = False


class Batch(msgspec.Struct, frozen=True, tag="batch", forbid_unknown_fields=True):
    """Record batches as an Arrow IPC stream, each row with its source and number.

    `keys` are the public keys (hexadecimal) by which the relay knows the hosts whose rows these are.
    """

    number: Number
    data: Annotated[bytes, msgspec.Meta(max_length=BATCH)]
    keys: Annotated[dict[Entity, Key], msgspec.Meta(max_length=4096)]
    urgent: bool = False


class Took(msgspec.Struct, frozen=True, tag="took", forbid_unknown_fields=True):
    """Whoever sent the frame of this number may forget it."""

    number: Number


Message = Join | Joined | Refused | Beat | Agent | Ready | Block | Batch | Took
CODEC: Codec[Message] = Codec("telemetry channel", Message, LONGEST_FRAME, packed=(Block, Batch))
