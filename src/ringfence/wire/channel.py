"""What server and enforcer say to each other over their one connection: a frame each, in either direction.

        enforcer ── Join ──▶ server     once, without a certificate: a one-time token and a request for one
                 ◀─ Joined ──
        enforcer ── Hello ─▶ server     every connection after that, under mutual TLS
                 ◀─ Welcome ─           or Refused, and the connection ends
                 ◀─ Give ────           a signed order
                 ── Report ▶            its signed receipt, repeated after a reconnect until …
                 ◀─ Took ────           … the server has it on disk
                 ── Noted ─▶            a job waits here, or has ended
                 ◀─ Beat ──▶            either side, so that a dead peer is noticed

A frame is four bytes of length, most significant first, and that many bytes of JSON (`LONGEST_FRAME` at most).
"""

from typing import Annotated

import msgspec

from ringfence.wire.frames import Codec
from ringfence.wire.orders import Digest, Entity, Envelope, Id, JobNumber, Line, Target, Text

LONGEST_FRAME = 16 << 20
"""Bytes: a text of which `orders.travels` says so, its envelope, and room. What one peer can make another keep."""
LONGEST_GREETING = 1 << 20
"""Bytes of the first frame of a peer, before it is known."""
VERSION = 1

Pem = Annotated[str, msgspec.Meta(max_length=8192)]


class Join(msgspec.Struct, frozen=True, tag="join", forbid_unknown_fields=True):
    """`token` is the one-time secret, `request` a PKCS#10 certificate request over the node's own key."""

    token: Annotated[str, msgspec.Meta(max_length=128)]
    request: Pem
    version: int = VERSION


class Joined(msgspec.Struct, frozen=True, tag="joined", forbid_unknown_fields=True):
    """The node's certificate, and the public keys (hexadecimal) whose orders it is to obey."""

    host: Entity
    role: Line
    certificate: Pem
    orders: tuple[str, ...]


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one slot of the enforcer holds: the digest of the artefact that it was last ordered to have in force."""

    target: Target
    job: JobNumber
    digest: Digest


class Hello(msgspec.Struct, frozen=True, tag="hello", forbid_unknown_fields=True):
    """Who connects. The server believes the certificate; `host` only has to agree with it.

    `targets` are what the host can be ordered to change; None where it does not say.
    """

    host: Entity
    sequence: Annotated[int, msgspec.Meta(ge=0, le=1 << 52)]
    slots: Annotated[tuple[Slot, ...], msgspec.Meta(max_length=4096)] = ()
    targets: Annotated[tuple[Target, ...], msgspec.Meta(max_length=64)] | None = None
    version: int = VERSION


class Welcome(msgspec.Struct, frozen=True, tag="welcome", forbid_unknown_fields=True):
    """The server takes the connection and wants a sign of life every `heartbeat` seconds."""

    server: Line
    heartbeat: Annotated[float, msgspec.Meta(gt=0, le=3600)]


class Refused(msgspec.Struct, frozen=True, tag="refused", forbid_unknown_fields=True):
    """The server does not take the connection."""

    why: Line


class Give(msgspec.Struct, frozen=True, tag="give", forbid_unknown_fields=True):
    """An order, and the text whose digest it has."""

    envelope: Envelope
    text: Text = ""


class Report(msgspec.Struct, frozen=True, tag="report", forbid_unknown_fields=True):
    """A receipt, and the read-back whose digest it has; "" also where that is longer than a message takes."""

    envelope: Envelope
    text: Text = ""


class Took(msgspec.Struct, frozen=True, tag="took", forbid_unknown_fields=True):
    """The receipt of this order is on the server's disk; the node may forget it."""

    order: Id


class Noted(msgspec.Struct, frozen=True, tag="noted", forbid_unknown_fields=True):
    """What a hook told the enforcer: `wanted` (a job waits for its compartment) or `ended`. A hint, no evidence."""

    what: Annotated[str, msgspec.Meta(max_length=16)]
    job: JobNumber


class Beat(msgspec.Struct, frozen=True, tag="beat", forbid_unknown_fields=True):
    """A sign of life. `answer` asks the other side for one."""

    answer: bool = False


Message = Join | Joined | Hello | Welcome | Refused | Give | Report | Took | Noted | Beat
CODEC: Codec[Message] = Codec("order channel", Message, LONGEST_FRAME)
encode, length, decode = CODEC.encode, CODEC.length, CODEC.decode
