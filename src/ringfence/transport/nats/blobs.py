"""State with the position that it belongs to, written as one: a reader gets both of one moment, or those before.

        rf.state.<slot>            the body, or which messages it lies in; its digest; a few words about it
        rf.state.<slot>.<n>        parts of a body that is too large for one message

Only the last message decides. It is written only if nobody wrote since this process read or wrote: of two that hold
the same slot for a moment, the one that lost finds out here.
"""

import hashlib
import uuid
from typing import Any

import msgspec
import pyarrow as pa

from ringfence.errors import InputError, StateError
from ringfence.transport.nats.layout import STATE
from ringfence.transport.nats.stream import Conflict, Link

_CODEC = "zstd"


class _Head(msgspec.Struct, frozen=True):
    id: str
    about: msgspec.Raw
    size: int
    digest: bytes
    parts: tuple[int, ...]
    body: bytes


class Blob(msgspec.Struct, frozen=True):
    """What was saved: `about` and the state, and the revision to save after."""

    revision: int
    about: Any
    state: bytes


async def save(link: Link, slot: str, about: Any, state: bytes, revision: int, within: float = 30.0) -> int:
    """Save a slot's state; the new revision. Raises `Conflict` if another process saved it after `revision`."""
    body = bytes(pa.compress(state, codec=_CODEC, asbytes=True)) if state else b""
    name = uuid.uuid4().hex
    most = link.most // 2
    parts: list[int] = []
    if len(body) > most:
        for at in range(0, len(body), most):
            part = body[at : at + most]
            subject = f"rf.state.{slot}.{at // most}"
            parts.append(await link.put(subject, part, f"{name}/{at}", within=within))
    digest = hashlib.sha256(body).digest()
    head = _Head(
        name, msgspec.Raw(msgspec.msgpack.encode(about)), len(state), digest, tuple(parts), b"" if parts else body
    )
    subject = f"rf.state.{slot}"
    try:
        return await link.put(subject, msgspec.msgpack.encode(head), name, expect=revision, within=within)
    except Conflict:
        last = await link.last(subject)  # our own, if only its acknowledgement was lost
        if last is not None and _head(last.payload).id == name:
            return last.seq
        raise


async def load(link: Link, slot: str, shape: type[Any]) -> Blob | None:
    """What was saved last, `about` being of this shape; None if nothing was. Raises `StateError` for a damaged one."""
    last = await link.last(f"rf.state.{slot}")
    if last is None:
        return None
    head = _head(last.payload)
    body = head.body
    for seq in head.parts:
        part = await link.at(STATE, seq)
        body += part.payload if part is not None else b""
    if hashlib.sha256(body).digest() != head.digest:
        raise StateError(f"the saved state of {slot} is damaged", f"purge rf.state.{slot}: learning begins anew")
    state = bytes(pa.decompress(body, head.size, codec=_CODEC, asbytes=True)) if body else b""
    return Blob(last.seq, msgspec.msgpack.decode(head.about, type=shape), state)


async def about(link: Link, slot: str, shape: type[Any]) -> Any | None:
    """Only the few words about what was saved last."""
    last = await link.last(f"rf.state.{slot}")
    return None if last is None else msgspec.msgpack.decode(_head(last.payload).about, type=shape)


def _head(payload: bytes) -> _Head:
    try:
        return msgspec.msgpack.decode(payload, type=_Head)
    except msgspec.MsgspecError as error:
        raise InputError(f"not a saved state: {error}") from None
