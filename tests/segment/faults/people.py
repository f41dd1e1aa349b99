"""Faults of what says who may work where: Slurm and sshd."""

import msgspec

from ringfence.segment.compile import slurm, sshd
from tests.segment.faults.cluster import hosts
from tests.segment.faults.fault import Fault, edited, inside, joining, leaving, lost, misread, mistook, more

RED, BLUE = "red/people", "blue/people"

SLURM = (
    Fault(
        "a reservation names no account",
        "break",
        (RED, "red/train"),
        edited("Accounts=red StartTime", "Users=root StartTime"),
    ),
    Fault(
        "a reservation names another account",
        "leak",
        (BLUE, "red/train"),
        edited("Accounts=red StartTime", "Accounts=blue StartTime"),
    ),
    Fault(
        "a reservation names one account too many",
        "leak",
        (BLUE, "red/train"),
        edited("Accounts=red StartTime", "Accounts=red,blue StartTime"),
    ),
    Fault("a node is left out", "leak", (BLUE, "red/tune"), edited("Nodes=gpu[1-5]", "Nodes=gpu[1-4]")),
    Fault("a node too many", "break", (BLUE, "blue/train"), edited("Nodes=gpu[1-5]", "Nodes=gpu[1-6]")),
    Fault(
        "a reservation has not begun",
        "leak",
        (BLUE, "red/train"),
        edited("StartTime=now", "StartTime=2099-01-01T00:00:00"),
    ),
    Fault("no reservation is made", "leak", (BLUE, "red/train"), edited("scontrol create reservation", "# ")),
    Fault(
        "hosts of no tenant are not kept",
        "leak",
        (RED, "idle"),
        edited("scontrol create reservation ReservationName=rf-+none", "# "),
    ),
    Fault("idle hosts are given to a tenant", "leak", (RED, "idle"), misread(more(RED, "idle", "scheduler"))),
    Fault(
        "a host of another gang", "leak", (BLUE, "red/train"), misread(joining("blue/train", "scheduler", *hosts(2)))
    ),
    Fault("a host is missing", "leak", (BLUE, "red/train"), misread(leaving("red/train", "scheduler", *hosts(2)))),
    Fault(
        "a shared host is one tenant's",
        "break",
        (RED, "shared"),
        edited("Accounts=blue,red StartTime", "Accounts=blue StartTime"),
    ),
    Fault(
        "an account's name is taken for another",
        "leak",
        (BLUE, "red/train"),
        mistook(lambda world: msgspec.structs.replace(world, known_as={**world.known_as, "tenant:red": "blue"})),
    ),
    Fault(
        "accounts are written as those that are not let in",
        "leak",
        (BLUE, "red/train"),
        inside(slurm, "_accounts", lambda real: lambda *args: tuple(f"-{one}" for one in real(*args))),
    ),
    Fault("a reservation ends", "leak", (BLUE, "red/train"), edited("Duration=UNLIMITED", "Duration=60")),
    Fault("the cluster is given nothing", "leak", (BLUE, "red/train"), lost("cluster:rf")),
)

SSHD = (
    Fault("a pattern has no address", "leak", ("strangers", "red/train"), edited("rob@10.1.0.7", "rob")),
    Fault(
        "a pattern's network is too narrow", "break", (RED, "red/train"), edited("ann@10.1.0.0/24", "ann@10.1.0.0/25")
    ),
    Fault("everyone of a network may log in", "leak", (BLUE, "red/train"), edited("ann@10.1.0.0/24", "*@10.1.0.0/24")),
    Fault("another user is named", "leak", (BLUE, "red/train"), edited("rob@10.1.0.7", "bea@10.1.0.9")),
    Fault("another address is named", "break", (RED, "red/train"), edited("rob@10.1.0.7", "rob@10.1.0.8")),
    Fault("nobody is denied where nobody may log in", "leak", (RED, "idle"), edited("DenyUsers *", "DenyUsers root")),
    Fault("allowed users are denied", "break", (RED, "red/train"), edited("AllowUsers ann", "DenyUsers ann")),
    Fault(
        "the match is for some addresses only",
        "leak",
        (BLUE, "red/train"),
        edited("Match all", "Match Address 192.0.2.0/24"),
    ),
    Fault(
        "the match is for another user",
        "leak",
        (RED, "idle"),
        inside(sshd, "_text", lambda real: lambda mine: real(mine).replace("Match all", "Match User nobody")),
    ),
    Fault("a host loads no drop-in", "leak", (BLUE, "red/tune"), lost("host:gpu4")),
    Fault("a host has the drop-in of others", "leak", (BLUE, "red/train"), misread(more(BLUE, "red/train", "login"))),
    Fault("a person is left out", "break", (RED, "red/train"), misread(leaving(RED, "login", "identity:rob@10.1.0.7"))),
    Fault(
        "users are named without addresses",
        "leak",
        (BLUE, "red/train"),
        inside(sshd, "_patterns", lambda real: lambda allowed: ["*"] if real(allowed) else []),
    ),
)
