"""What the server orders, what a node answers, and the signed envelope that both travel in.

        Order   ──encode──▶ canonical JSON ──sign (transport.signing)──▶ Envelope ──▶ one frame of the channel
        Receipt ◀──decode── the same bytes ◀──verify─────────────────── Envelope

Texts (the artefact, the read-back) travel beside the envelope, which has their SHA-256: ten thousand hosts with one
artefact cost ten thousand small envelopes and one text, to sign and to keep. The signature covers the bytes that
travel, never a re-encoding. `decode` takes canonical JSON only (sorted keys, no blanks, no key twice, no field that
it does not know), so one value has one encoding and one digest.

Times are whole seconds since the epoch, UTC. An order has a life of seconds to minutes: one that was kept back
is worth nothing later.
"""

import hashlib
from typing import Annotated, Any, TypeVar

import msgspec

from ringfence.errors import InputError

ACTIONS: dict[str, str] = {
    "apply": "put the text in force for the slot, in place of what the slot held",
    "restore": "bring back the text, which an earlier read-back returned",
    "remove": "take the slot out of force: back to what was there before its first order",
    "read": "change nothing, read back",
}
"""What an order can ask for. A *slot* is (target, job); job "" is the host's own."""

OUTCOMES: dict[str, str] = {
    "applied": "done and read back",
    "refused": "nothing was done; `error` says why",
    "mended": "no order: what was in force was not what had been applied, and was applied again; `error` says more",
    "failed": "it was tried and did not succeed; `error` says why, `left` what was left",
}

MENDED = "mended"
"""The outcome that no order leads to."""

LONGEST_TEXT = 8 << 20
"""Characters of an artefact or a read-back, and bytes of it as it travels: 70,000 ports' partitions.conf has 2.5 MB."""

LONGEST_LIFE = 3600
"""Seconds between `not_before` and `expires` that an enforcer accepts."""

SKEW = 5
"""Seconds by which a node's clock may run behind the server's before an order is "not yet valid"."""

Id = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
Entity = Annotated[str, msgspec.Meta(pattern=r"\A[a-z]+:[^\x00-\x1f\x7f]{1,250}\Z")]
Target = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"\A(?:[0-9a-f]{64})?\Z")]
JobNumber = Annotated[str, msgspec.Meta(pattern=r"\A(?:[0-9]{1,12})?\Z")]
Sequence = Annotated[int, msgspec.Meta(gt=0, le=(1 << 53) - 1)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
Line = Annotated[str, msgspec.Meta(max_length=1000)]


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change that one host is asked to make. `sequence` counts up per host and never repeats.

    `digest` is that of the text to put in force ("" where the action needs none), `name` the artefact's, `job` the
    number of the Slurm job whose compartment this is ("" for the host's own).
    `covers` are jobs whose compartments stand in a host's own artefact: the gate lets them start once it is in force.
    """

    id: Id
    host: Entity
    target: Target
    action: str
    sequence: Sequence
    not_before: Seconds
    expires: Seconds
    digest: Digest = ""
    name: Line = ""
    job: JobNumber = ""
    covers: Annotated[tuple[JobNumber, ...], msgspec.Meta(max_length=4096)] = ()


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of one order. `digest` is that of what is really in force after it; "" where nothing of ours is."""

    order: Id
    host: Entity
    target: Target
    sequence: Sequence
    outcome: str
    when: Seconds
    job: JobNumber = ""
    digest: Digest = ""
    error: Line = ""
    left: Annotated[tuple[Line, ...], msgspec.Meta(max_length=100)] = ()


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The offline token: whoever hands it to the host's own enforcer opens that host, without the server.

    It counts once, until `expires`. The host stays open for `lasts` seconds, then what was in force returns.
    """

    id: Id
    host: Entity
    not_before: Seconds
    expires: Seconds
    lasts: Annotated[int, msgspec.Meta(gt=0, le=7 * 86400)]
    why: Line


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Signed bytes. `kind` is part of what is signed, so that nothing passes for something else.

    `signer` is the first 16 hexadecimal digits of SHA-256 over the raw public key: it finds the key, and proves
    nothing.
    """

    kind: Annotated[str, msgspec.Meta(pattern=r"\A[a-z]{1,16}\Z")]
    payload: bytes
    signer: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


Value = TypeVar("Value")
_KINDS: dict[type[Any], str] = {Order: "order", Receipt: "receipt", Release: "release"}
_ENCODER = msgspec.json.Encoder(order="sorted")


def kind_of(shape: type[Any]) -> str:
    """The envelope kind of a shape: `order`, `receipt`, `release`."""
    return _KINDS[shape]


def signed_bytes(kind: str, payload: bytes) -> bytes:
    """What the signature covers: a name that no other protocol uses, the kind, the payload."""
    return b"ringfence/1/" + kind.encode("ascii") + b"\0" + payload


def encode(value: Any) -> bytes:
    """A value as canonical JSON."""
    return _ENCODER.encode(value)


def decode(data: bytes, shape: type[Value]) -> Value:
    """The value in canonical JSON. Raises `InputError` for anything else, a known value in another dress too."""
    name = shape.__name__.lower()
    try:
        value = msgspec.json.decode(data, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not the JSON of an {name}: {error}"[:300]) from None
    if encode(value) != data:
        raise InputError(f"an {name} that is not written canonically")
    return value


def digest(text: str) -> str:
    """SHA-256 of a text as hexadecimal digits; "" of no text, so that "nothing" is told from something."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if text else ""


def travels(text: str) -> bool:
    """Whether a text is no longer than an order or a receipt may carry, escapes included."""
    if len(text) > LONGEST_TEXT:
        return False
    try:
        return len(_ENCODER.encode(text)) <= LONGEST_TEXT
    except UnicodeEncodeError:
        return False


def slot(value: Order | Receipt) -> tuple[str, str]:
    """(target, job): what the order is about; the next order for it takes its place."""
    return value.target, value.job


def refusal(order: Order, text: str, host: str, seen: int, now: float) -> str:
    """Why the enforcer of `host`, having seen sequence `seen`, refuses a well-signed order; "" if it accepts."""
    checks = (
        (order.digest != digest(text), "forged: the text is not the one that was signed"),
        (order.host != host, f"misaddressed: it is for {order.host}"),
        (order.action not in ACTIONS, f"unknown action {order.action[:32]!r}"),
        (order.expires - order.not_before > LONGEST_LIFE, f"it lives longer than {LONGEST_LIFE} s"),
        (now >= order.expires, f"expired at {order.expires}, the node's clock says {int(now)}"),
        (now + SKEW < order.not_before, f"not valid before {order.not_before}, the node's clock says {int(now)}"),
        (order.sequence <= seen, f"replayed or out of order: sequence {order.sequence}, seen {seen}"),
    )
    return next((why for wrong, why in checks if wrong), "")


def release_refusal(token: Release, host: str, used: bool, now: float) -> str:
    """Why a well-signed release token does not open `host`; "" if it does."""
    checks = (
        (token.host != host, f"misaddressed: it is for {token.host}"),
        (now >= token.expires, f"expired at {token.expires}, the node's clock says {int(now)}"),
        (now + SKEW < token.not_before, f"not valid before {token.not_before}, the node's clock says {int(now)}"),
        (used, "it was used before"),
    )
    return next((why for wrong, why in checks if wrong), "")
