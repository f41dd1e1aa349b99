"""Faults of export tables and of nodemaps."""

import msgspec

from ringfence.segment.compile import exports, lustre
from tests.segment.faults.cluster import BLUE, BLUE_FAST, hosts
from tests.segment.faults.fault import (
    Fault,
    edited,
    inside,
    joining,
    leaving,
    lost,
    misread,
    more,
    ruled,
    saying,
)

FILES, OTHER = "red/files", "blue/files"


def _readable(allow):
    return msgspec.structs.replace(allow, what="rw") if allow.target == "models" else allow


EXPORTS = (
    Fault("read-only is written as writable", "leak", ("red/train", "models"), misread(ruled(_readable))),
    Fault("writable is written as read-only", "break", ("red/train", FILES), misread(saying("rw", "ro"))),
    Fault("the path above is exported", "leak", ("blue/train", FILES), edited("/export/blue ", "/export ")),
    Fault("another folder is exported", "leak", ("blue/train", FILES), edited("/export/blue ", "/export/red ")),
    Fault("a folder is not exported", "break", ("blue/train", OTHER), edited("/export/blue ", "/export/blues ")),
    Fault("a client is the world", "leak", ("idle", OTHER), edited("/export/blue 10.0.0.6/31(", "/export/blue *(")),
    Fault(
        "a client is a pattern of names",
        "leak",
        ("red/train", OTHER),
        edited("/export/blue 10.0.0.6/31(", "/export/blue gpu*("),
    ),
    Fault(
        "a client is a netgroup that nobody knows",
        "leak",
        ("red/train", OTHER),
        edited("/export/blue 10.0.0.6/31(", "/export/blue @gpu("),
    ),
    Fault("a blank stands before the options", "leak", ("red/train", OTHER), edited("/31(", "/31 (")),
    Fault("networks are one bit too wide", "leak", ("red/tune", OTHER), edited("10.0.0.6/31", "10.0.0.4/30")),
    Fault("a client is left out", "break", ("red/tune", FILES), misread(leaving("red/tune", "storage", *hosts(5)))),
    Fault(
        "a client of another tenant", "leak", ("red/train", OTHER), misread(joining("blue/train", "storage", *hosts(2)))
    ),
    Fault(
        "addresses are taken for their /28",
        "leak",
        ("red/train", OTHER),
        inside(
            exports, "networks", lambda real: lambda spans: {f"{one.partition('/')[0]}/28": 0 for one in real(spans)}
        ),
    ),
    Fault(
        "whoever may read one folder may read all",
        "leak",
        ("red/train", OTHER),
        misread(joining("models", "storage", BLUE)),
    ),
    Fault("the server does not load the table", "break", ("red/train", FILES), lost("host:nfs1")),
)

LUSTRE = (
    Fault("a map's folder is the root", "leak", ("red/train", OTHER), edited("--fileset '/red'", "--fileset '/'")),
    Fault(
        "a map's folder is that of others",
        "leak",
        ("red/train", OTHER),
        edited("--fileset '/red'", "--fileset '/blue'"),
    ),
    Fault("a map has no folder", "leak", ("red/train", OTHER), inside(lustre, "_quoted", lambda _: lambda path: "''")),
    Fault("the maps are not activated", "leak", ("idle", FILES), edited("nodemap_activate 1", "nodemap_activate 0")),
    Fault(
        "unknown clients are trusted",
        "leak",
        ("idle", FILES),
        inside(lustre, "DENIED", lambda _: ("admin 0", "trusted 1", "deny_unknown 1")),
    ),
    Fault(
        "unknown clients are squashed, not denied",
        "leak",
        ("idle", FILES),
        inside(lustre, "DENIED", lambda _: ("admin 0", "trusted 0", "deny_unknown 0")),
    ),
    Fault("unknown clients are not spoken of", "leak", ("idle", FILES), inside(lustre, "DENIED", lambda _: ())),
    Fault("a range is too wide", "leak", ("idle", OTHER), edited("10.0.0.[6-7]", "10.0.0.[6-9]")),
    Fault("a range is too narrow", "break", ("blue/train", OTHER), edited("10.0.0.[6-7]", "10.0.0.6")),
    Fault("a map is read-only", "break", ("red/train", FILES), misread(saying("rw", "ro"))),
    Fault(
        "a map that should be read-only is not", "leak", ("idle", OTHER), misread(more("idle", OTHER, "storage", "ro"))
    ),
    Fault("a host is in no map", "break", ("red/train", FILES), misread(leaving("red/train", "storage", *hosts(2)))),
    Fault(
        "nobody's account passes",
        "break",
        ("red/train", FILES),
        edited("--property trusted --value 1", "--property deny_unknown --value 1"),
    ),
    Fault("two tenants are in one map", "leak", ("red/train", OTHER), misread(joining(FILES, "storage", BLUE_FAST))),
)
