"""A small cluster with two tenants, four gangs, a shared host, services and the outside, fenced on every plane.

red:  train (gpu1-3)   tune (gpu4-5)   notebook, serve: jobs on gpu8     people: ann, rob
blue: train (gpu6-7)                   lab: a job on gpu8                people: bea
all:  storage (nfs1)   slurm (mgmt1)   login (login1, no rules of ours)  idle (gpu9-10)   world, mirror outside
"""

import json
from itertools import combinations
from types import MappingProxyType

from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Allow, Budget, Group, Policy


def hosts(*numbers: int) -> tuple[str, ...]:
    """`host:gpu1` and so on."""
    return tuple(sorted(f"host:gpu{at}" for at in numbers))


def ib(*numbers: int) -> tuple[str, ...]:
    """InfiniBand ports: those of hosts 1 to 10, of storage 11 and 12, of the subnet manager 15."""
    return tuple(f"ibport:0x{0x10A0 + at:016x}" for at in numbers)


def eth(*numbers: int) -> tuple[str, ...]:
    """RoCE ports, numbered likewise."""
    return tuple(f"ibport:eth{at:02d}" for at in numbers)


def rack(*numbers: int) -> tuple[str, ...]:
    """Accelerators of the NVLink rack: one a host."""
    return tuple(f"gpu:nmx/{at:024x}" for at in numbers)


def local(*numbers: int) -> tuple[str, ...]:
    """Accelerators of gpu8, which its own fabric manager joins."""
    return tuple(f"gpu:GPU-8{at}" for at in numbers)


NOTEBOOK, SERVE, LAB = (f"job:slurm/rf/{number}@host:gpu8" for number in (71, 73, 72))
RED, BLUE, MODELS = (f"storage:nfs1:/export/{name}" for name in ("red", "blue", "models"))
RED_FAST, BLUE_FAST = (f"storage:lustre-scratch:/{name}" for name in ("red", "blue"))
WORLD, MIRROR = "network:203.0.113.0/24", "network:2001:db8:1::/48"
EVERY = (*hosts(*range(1, 11)), "host:login1", "host:mgmt1", "host:nfs1")


def _compute(name: str, tenant: str, *numbers: int) -> Group:
    here = hosts(*numbers)
    members = {"ip": here, "ib": ib(*numbers), "roce": eth(*numbers), "nvlink": rack(*numbers)}
    members |= dict.fromkeys(("imex", "storage", "scheduler", "login"), here)
    return Group(name, "gang" if tenant else "idle", tenant, members)


def _group(name: str, kind: str, tenant: str, **members: tuple[str, ...]) -> Group:
    return Group(name, kind, tenant, members)


_GROUPS = (
    _compute("red/train", "red", 1, 2, 3),
    _compute("red/tune", "red", 4, 5),
    _compute("blue/train", "blue", 6, 7),
    _compute("idle", "", 9, 10),
    _group("red/notebook", "gang", "red", ip=(NOTEBOOK,), nvlink=local(0, 1)),
    _group("red/serve", "gang", "red", ip=(SERVE,)),
    _group("blue/lab", "gang", "blue", ip=(LAB,), nvlink=local(2, 3)),
    _group("shared", "role", "", scheduler=hosts(8), storage=hosts(8), login=hosts(8)),
    _group("storage", "service", "", ip=("host:nfs1",), ib=ib(11, 12), roce=eth(11, 12)),
    _group("slurm", "service", "", ip=("host:mgmt1",)),
    _group("login", "service", "", ip=("host:login1",), login=("host:login1",)),
    _group("world", "outside", "", ip=(WORLD,)),
    _group("mirror", "outside", "", ip=(MIRROR,)),
    _group("red/files", "service", "red", storage=(RED, RED_FAST)),
    _group("blue/files", "service", "blue", storage=(BLUE, BLUE_FAST)),
    _group("models", "service", "", storage=(MODELS,)),
    _group(
        "red/people",
        "role",
        "red",
        scheduler=("tenant:red",),
        login=("identity:ann@10.1.0.0/24", "identity:rob@10.1.0.7"),
    ),
    _group("strangers", "outside", "", login=("identity:rob@192.0.2.7",)),
    _group("blue/people", "role", "blue", scheduler=("tenant:blue",), login=("identity:bea@10.1.0.9",)),
)
_GANGS = ("red/train", "red/tune", "blue/train")
_JOBS = ("red/notebook", "red/serve", "blue/lab")
_ALLOWS = (
    *((gang, gang, plane, "any") for gang in _GANGS for plane in ("ip", "ib", "roce", "nvlink", "imex")),
    *((gang, gang, "nvlink", "any") for gang in ("red/notebook", "blue/lab")),
    *((one, "storage", "ip", "tcp/2049") for one in (*_GANGS, "red/notebook", "red/serve")),
    *((one, "slurm", "ip", "udp/53") for one in (*_GANGS, *_JOBS)),
    *(("slurm", gang, "ip", what) for gang in _GANGS for what in ("tcp/6818-6819", "icmp")),
    *(("login", gang, "ip", "tcp/22") for gang in _GANGS),
    ("red/notebook", "red/serve", "ip", "tcp/8000"),
    ("red/train", "world", "ip", "tcp/443"),
    ("blue/train", "mirror", "ip", "tcp/443"),
    *((one, "storage", plane, "any") for one in (*_GANGS, "storage") for plane in ("ib", "roce")),
    *((one, "red/files", "storage", "rw") for one in ("red/train", "red/tune")),
    ("blue/train", "blue/files", "storage", "rw"),
    *((one, "models", "storage", "ro") for one in ("red/train", "blue/train")),
    *(("red/people", one, plane, "any") for one in ("red/train", "red/tune") for plane in ("scheduler", "login")),
    *(("blue/people", "blue/train", plane, "any") for plane in ("scheduler", "login")),
    *((one, "shared", "scheduler", "any") for one in ("red/people", "blue/people")),
    *((one, "login", "login", "any") for one in ("red/people", "blue/people")),
)

POLICY = Policy(
    MappingProxyType({one.name: one for one in _GROUPS}),
    tuple(sorted(Allow(*one, "a test") for one in _ALLOWS)),
    (Budget("model:weights", 3 << 30, hosts(1, 2, 3), ("world",), "half a per cent of it"),),
)
"""What is meant."""


def _partitions() -> str:
    """`fmpm -l` of gpu8: a partition for each pair of its accelerators, and one of all."""
    sets = [*combinations(range(4), 2), range(4)]
    rows = [
        {"partitionId": at, "isActive": 0, "gpuInfo": [{"physicalId": one, "uuid": f"GPU-8{one}"} for one in members]}
        for at, members in enumerate(sets)
    ]
    return json.dumps({"version": 1, "partitionInfo": rows})


def _fabric(software: str) -> dict[str, Fabric]:
    return {"ib0": Fabric("ib0", ("host:sm1",), ib(15), ib(*range(1, 13), 15), software=software)}


_ADDRESSES = {f"host:gpu{at}": (f"10.0.0.{at}", f"fd00::{at:x}") for at in range(1, 11)}
_ADDRESSES |= {f"host:{name}": (f"10.0.1.{at}",) for at, name in enumerate(("login1", "mgmt1", "nfs1"), 1)}
_ADDRESSES |= {port: (f"10.2.0.{at}",) for at in range(1, 13) for port in eth(at)}
_CABLES = {port: f"leaf{1 if at < 6 else 2}/swp{at}" for at in range(1, 13) for port in eth(at)}


def inventory(software: str = "opensm") -> Inventory:
    """What is there; `software` manages its InfiniBand fabric."""
    return Inventory(
        addresses=_ADDRESSES,
        cgroups={job: f"slurm.slice/job_{job[13:15]}" for job in (NOTEBOOK, SERVE, LAB)},
        fabrics=_fabric(software),
        domains={"nvlink:rack/1": rack(*range(1, 8), 9, 10), "nvlink:gpu8": local(0, 1, 2, 3)},
        host_of={gpu: f"host:gpu{at}" for at in range(1, 11) for gpu in rack(at)},
        known_as=_CABLES,
        there={
            "exports": {"host:nfs1": ""},
            "fabric-manager": {"host:gpu8": _partitions()},
            "slurm": {"cluster:rf": "PartitionName=all Nodes=gpu[1-10] AllowAccounts=ALL OverSubscribe=EXCLUSIVE\n"},
        },
        enforcers={
            "nftables": tuple(one for one in EVERY if one != "host:login1"),
            software: ("ib0",),
            "nvue": ("leaf1",),
            "sonic": ("leaf2",),
            "nmx-m": ("nvlink:rack/1",),
            "fabric-manager": ("host:gpu8",),
            "imex": hosts(*range(1, 11)),
            "exports": ("host:nfs1",),
            "lustre": ("host:mgs1",),
            "slurm": ("cluster:rf",),
            "sshd": (*hosts(*range(1, 11)), "host:login1"),
            "xfrm": hosts(*range(1, 11)),
        },
    )
