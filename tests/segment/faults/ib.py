"""Faults of partition keys, under opensm and under UFM."""

import msgspec

from ringfence.segment.compile import partitions
from ringfence.segment.compile import ufm as ufm_writer
from tests.segment.faults.cluster import ib
from tests.segment.faults.fault import Fault, edited, inside, joining, leaving, misread, mistook, more, untold, without

RED, BLUE = "red/train", "blue/train"


def _stars(change):
    """The keys that the writer decided on, each changed."""
    return inside(partitions, "stars", lambda real: lambda *a: (tuple(map(change, real(*a)[0])), real(*a)[1]))


def _all_full(star):
    return msgspec.structs.replace(star, full=tuple(sorted({*star.full, *star.limited})), limited=())


def _one_full(star):
    if star.service:
        return star
    return msgspec.structs.replace(star, full=star.full[:1], limited=(*star.full[1:], *star.limited))


def _intruder(star):
    return msgspec.structs.replace(star, full=(*star.full, *ib(6))) if star.name == RED else star


def _numbered(change):
    """Names → keys, given out otherwise."""
    return inside(partitions, "allocate", lambda _: lambda names, *a: dict(zip(sorted(names), change, strict=False)))


def _other_guid(real):
    return lambda port: real(port) ^ 3


SHARED = (
    Fault("clients of storage are full members: it relays", "leak", (RED, BLUE), _stars(_all_full)),
    Fault("a gang's members are limited", "break", (RED, RED), _stars(_one_full)),
    Fault("two gangs have one key", "leak", (RED, BLUE), _numbered([0x11, 0x11, 0x11, 0x12])),
    Fault("keys differ in the bit of membership only", "leak", (RED, BLUE), _numbered([0x11, 0x8011, 0x12, 0x13])),
    Fault("a port of another tenant is a member", "leak", (RED, BLUE), _stars(_intruder)),
    Fault("a port is in two gangs", "leak", (RED, BLUE), untold(misread(joining(RED, "ib", *ib(6))))),
    Fault("a member is missing", "break", (RED, RED), misread(leaving(RED, "ib", *ib(3)))),
    Fault("wrong GUIDs", "break", (RED, RED), inside(partitions, "guid_of", _other_guid)),
    Fault("two tenants are joined", "leak", (RED, BLUE), misread(more(RED, BLUE, "ib"))),
    Fault(
        "storage is left out", "break", (RED, "storage"), _stars(lambda one: msgspec.structs.replace(one, limited=()))
    ),
    Fault(
        "idle ports are members of the storage's key",
        "leak",
        ("idle", "storage"),
        misread(more("idle", "storage", "ib")),
    ),
)
"""What both writers share."""

GANG = "defmember=full : " + ", ".join(f"0x{0x10A0 + at:016x}" for at in (1, 2, 3))

OPENSM = (
    *SHARED,
    Fault(
        "membership of a gang is not said", "break", (RED, RED), edited(f", {GANG}", f" : {GANG.partition(' : ')[2]}")
    ),
    Fault(
        "membership of clients is written as full",
        "leak",
        (RED, BLUE),
        edited("defmember=limited : 0x", "defmember=full : 0x"),
    ),
    Fault("everyone is a full member of the default partition", "leak", (RED, BLUE), edited("ALL=limited", "ALL=full")),
    Fault("the file is empty", "leak", (RED, BLUE), edited("\n", "")),
    Fault("a word that opensm does not know", "break", (RED, RED), edited("defmember=full : ", "defmembers=full : ")),
    Fault("a GUID is no number", "leak", (RED, BLUE), edited("0x00000000000010a1", "0xgpu1")),
    Fault(
        "a key is left out: opensm gives one out",
        "break",
        (RED, RED),
        inside(
            partitions,
            "_ours",
            lambda real: lambda plan: (one.replace(f"=0x{plan.keys[1].number | 0x8000:04x}", "") for one in real(plan)),
        ),
    ),
    Fault(
        "a stanza is dropped",
        "break",
        (RED, RED),
        inside(
            partitions,
            "_ours",
            lambda real: lambda plan: (one for one in real(plan) if not one.startswith("rf.red-train")),
        ),
    ),
    Fault("a gang has the default key", "leak", (RED, BLUE), _numbered([0x11, 0x7FFF, 0x7FFF, 0x13])),
    Fault(
        "a line is longer than opensm reads",
        "leak",
        (RED, BLUE),
        inside(partitions, "_name", lambda real: lambda star: real(star) + "x" * 5000),
    ),
    Fault("a stanza is never ended", "leak", (RED, BLUE), edited(";", "")),
    Fault("the file is not written", "leak", (RED, BLUE), without("partitions.conf")),
    Fault(
        "the fabric's ports are those of another",
        "break",
        (RED, RED),
        mistook(
            lambda world: msgspec.structs.replace(
                world, fabrics={"ib0": msgspec.structs.replace(world.fabrics["ib0"], ports=ib(*range(4, 13), 15))}
            )
        ),
    ),
)


def _memberships(change):
    return inside(ufm_writer, "_body", lambda real: lambda key: real(change(key)))


UFM = (
    *SHARED,
    Fault(
        "limited members are sent as full",
        "leak",
        (RED, BLUE),
        _memberships(lambda key: msgspec.structs.replace(key, full=(*key.full, *key.limited), limited=())),
    ),
    Fault(
        "full members are sent as limited",
        "break",
        (RED, RED),
        _memberships(lambda key: msgspec.structs.replace(key, full=(), limited=(*key.full, *key.limited))),
    ),
    Fault("a gang has the default key", "refused", (RED, BLUE), _numbered([0x11, 0x7FFF, 0x7FFF, 0x13])),
    Fault(
        "the key of another partition is sent",
        "break",
        (RED, RED),
        _memberships(lambda key: msgspec.structs.replace(key, number=0x21)),
    ),
    Fault(
        "a body has one GUID",
        "break",
        (RED, RED),
        _memberships(lambda key: msgspec.structs.replace(key, full=key.full[:1])),
    ),
    Fault("nothing is sent", "break", (RED, RED), without("ufm-pkeys.json")),
)
