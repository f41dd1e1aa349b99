"""Partition keys as UFM's REST interface speaks of them: `…/ufmRest/resources/pkeys`.

        PUT body      {"pkey": "0x1001", "index0": false, "ip_over_ib": false,
                       "guids": ["0000001000000001"], "memberships": ["full"]}
        GET answer    {"0x1001": {"partition": "…", "ip_over_ib": true,
                       "guids": [{"guid": "0000001000000001", "membership": "full", "index0": false}]}}

Formats as in NVIDIA's UFM Enterprise REST API guide ("PKey GUIDs REST API", 6.15); `guids` come only where
the question says `guids_data=true`.
"""

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.ibnet.values import DEFAULT_PKEY, FULL_BIT, guid, key

MEMBERSHIPS = ("full", "limited")


class Body(msgspec.Struct, frozen=True):
    """One key as it is to be: the body of a PUT. `guids` and `memberships` go together."""

    pkey: str
    guids: tuple[str, ...]
    memberships: tuple[str, ...]
    index0: bool = False
    ip_over_ib: bool = False

    @property
    def number(self) -> int:
        """The 15-bit key."""
        return key(self.pkey) & ~FULL_BIT

    def members(self) -> dict[int, str]:
        """GUID → full or limited."""
        return {guid(one): how for one, how in zip(self.guids, self.memberships, strict=True)}


class Wanted(msgspec.Struct, frozen=True):
    """One artefact: the keys that are ours by the name of their partition, and UFM's own, which are left alone."""

    ours: dict[str, Body]
    left: tuple[Body, ...] = ()
    written_by: str = "Ringfence"


class _Guid(msgspec.Struct):
    guid: str
    membership: str = "full"


class _Answer(msgspec.Struct):
    partition: str = ""
    guids: list[_Guid] = []


class Listed(msgspec.Struct, frozen=True):
    """One key as UFM has it: its name there, and the GUIDs of its members with their memberships."""

    number: int
    partition: str
    members: dict[int, str]


def body(number: int, members: dict[int, str], ip_over_ib: bool = False) -> Body:
    """The body that says this."""
    rows = sorted(members.items())
    return Body(
        f"0x{number:x}",
        tuple(f"{one:016x}" for one, _ in rows),
        tuple(how for _, how in rows),
        ip_over_ib=ip_over_ib,
    )


def wanted(data: bytes) -> Wanted:
    """One artefact. Raises `InputError`."""
    found: Wanted = safe.json(data, Wanted)
    for one in (*found.ours.values(), *found.left):
        if len(one.guids) != len(one.memberships) or not set(one.memberships) <= set(MEMBERSHIPS):
            raise InputError(f"{one.pkey}: guids and memberships do not match", remedy="one of full, limited a guid")
        one.members()
    for name, one in found.ours.items():
        if not 0 < one.number < DEFAULT_PKEY:
            raise InputError(f"{name}: {one.pkey} is not a key of ours to give", remedy="0x1 to 0x7ffe")
    return found


def listed(data: bytes) -> tuple[Listed, ...]:
    """The keys of `GET …/pkeys?guids_data=true`. Raises `InputError`."""
    answers: dict[str, _Answer] = safe.json(data, dict[str, _Answer])
    found = []
    for name, answer in answers.items():
        members = {guid(one.guid): one.membership for one in answer.guids}
        if not set(members.values()) <= set(MEMBERSHIPS):
            raise InputError(f"{name}: a membership that is neither full nor limited")
        found.append(Listed(key(name) & ~FULL_BIT, answer.partition, members))
    return tuple(sorted(found, key=lambda one: one.number))
