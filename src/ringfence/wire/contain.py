"""What containment is to hold at a place: one document per target, the whole of it each time, never a step.

        open cuts of all incidents ─▶ respond.desired ─▶ a document ─▶ signed order, or local ─▶ a driver of enforce/

A document says what is to be so, so that applying it twice changes nothing, and taking one incident back is the
document without it. "" is the document of nothing. What expires carries the second in which it does: the driver at
the place lets it lapse by itself, with no server.
"""

from typing import Annotated, TypeVar

import msgspec

from ringfence.errors import InputError

Seconds = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]

LONGEST = 86_400
"""Seconds beyond which nothing expiring may reach: a clock that is wrong cuts for a day at most."""


class Until(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """One thing that is held. `until`: seconds since the epoch, 0 for "until it is taken back"."""

    what: Line
    until: Seconds = 0


class OnHost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="contain"):
    """Target `contain`: what the host's own containment table drops, also of connections that stand already.

    `counted`: addresses whose packets are only counted. `throttled`: addresses that get `rate` bytes a second at most.
    `blocked`: addresses or prefixes, both ways. `users`: accounts (name or uid) whose packets are dropped on their way
    out; `jobs`: numbers of Slurm jobs likewise, by their control group. `isolated`: nothing passes but what `keep` says
    (`what` is the reason). `keep`: addresses or prefixes that stay reachable whatever else is said: the server, the
    fabric's manager, the host itself.
    """

    counted: tuple[Until, ...] = ()
    throttled: tuple[Until, ...] = ()
    rate: Annotated[int, msgspec.Meta(gt=0)] = 1 << 20
    blocked: tuple[Until, ...] = ()
    users: tuple[Until, ...] = ()
    jobs: tuple[Until, ...] = ()
    isolated: tuple[Until, ...] = ()
    keep: tuple[Line, ...] = ()


class Sessions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="sessions"):
    """Target `sessions`: SSH logins that are to be gone, by account or by the client's address."""

    users: tuple[Line, ...] = ()
    addresses: tuple[Line, ...] = ()


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="keys"):
    """Target `keys`: public keys (`ssh-ed25519 AAAA…`) or their fingerprints (`SHA256:…`) that sshd refuses."""

    revoked: tuple[Line, ...] = ()


class OnFabric(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="quarantine"):
    """Target `quarantine`: ports (`0x…` GUIDs) that are members of nothing but the limited default partition."""

    ports: tuple[Until, ...] = ()


class Ports(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ports"):
    """Target `ports`: ports (`0x…` GUIDs) whose leaf port is switched off. The last resort."""

    off: tuple[Line, ...] = ()


class OnScheduler(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="scheduler"):
    """Target `scheduler`: Slurm accounts that submit nothing, jobs that are cancelled, nodes that are drained."""

    users: tuple[Line, ...] = ()
    jobs: tuple[Line, ...] = ()
    nodes: tuple[Line, ...] = ()
    reason: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Bindings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="bindings"):
    """Target `bindings`: `namespace/name` of RoleBindings and `name` of ClusterRoleBindings that are taken away."""

    revoked: tuple[Line, ...] = ()


Document = OnHost | Sessions | Keys | OnFabric | Ports | OnScheduler | Bindings
_Shape = TypeVar("_Shape", OnHost, Sessions, Keys, OnFabric, Ports, OnScheduler, Bindings)
_ENCODER = msgspec.json.Encoder(order="sorted")


def encode(document: Document) -> str:
    """Canonical JSON; "" for a document that holds nothing."""
    empty = type(document)()
    kept = msgspec.structs.replace(
        document, **{one: getattr(empty, one) for one in ("keep", "rate", "reason") if hasattr(empty, one)}
    )
    return "" if kept == empty else _ENCODER.encode(document).decode()


def decode(text: str, shape: type[_Shape]) -> _Shape:
    """The document in a text; "" is the empty one. Raises `InputError`."""
    if not text:
        return shape()
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputError(f"not a document of {shape.__struct_config__.tag}: {error}"[:300]) from None


def live(held: tuple[Until, ...], now: float) -> tuple[Until, ...]:
    """Those that have not lapsed by `now`, with no `until` beyond `LONGEST` from now."""
    last = int(now) + LONGEST
    return tuple(
        msgspec.structs.replace(one, until=min(one.until, last)) if one.until else one
        for one in held
        if not one.until or one.until > now
    )
