"""Faults of NVLink partitions and IMEX channels."""

from ringfence.segment.compile import fabric_manager, imex, nmx
from tests.segment.faults.cluster import hosts, local, rack
from tests.segment.faults.fault import Fault, edited, inside, joining, leaving, lost, misread, more, untold, without

RED, BLUE = "red/train", "blue/train"


def _id(number):
    return f'"{rack(number)[0].removeprefix("gpu:nmx/")}"'


NMX = (
    Fault(
        "an accelerator of another tenant is a member", "leak", (RED, BLUE), misread(joining(RED, "nvlink", *rack(6)))
    ),
    Fault("an accelerator is in two partitions", "leak", (RED, BLUE), edited(_id(1), f"{_id(1)},{_id(6)}")),
    Fault("an accelerator is missing", "break", (RED, RED), misread(leaving(RED, "nvlink", *rack(3)))),
    Fault("an accelerator is named by another's number", "leak", (RED, BLUE), edited(_id(3), _id(7))),
    Fault(
        "accelerators are named by something else",
        "break",
        (RED, RED),
        inside(nmx, "nmx_id", lambda real: lambda *args: real(*args)[::-1]),
    ),
    Fault(
        "all accelerators of a rack are one partition",
        "leak",
        (RED, "idle"),
        untold(inside(nmx, "joined", lambda _: lambda domain: [tuple(sorted(domain.members))])),
    ),
    Fault(
        "a partition is not made",
        "break",
        (RED, RED),
        inside(nmx, "joined", lambda real: lambda domain: real(domain)[1:]),
    ),
    Fault("the body goes to another rack", "break", (RED, RED), lost("nvlink:rack/1")),
)

NOTEBOOK, LAB = "red/notebook", "blue/lab"
FABRIC_MANAGER = (
    Fault("the partition of all is activated", "leak", (NOTEBOOK, LAB), edited("fmpm -a 0", "fmpm -a 6")),
    Fault("another partition is activated", "leak", (NOTEBOOK, LAB), edited("fmpm -a 0", "fmpm -a 1")),
    Fault("a partition is not activated", "break", (NOTEBOOK, NOTEBOOK), edited("fmpm -a 0\n", "")),
    Fault("a partition is deactivated", "break", (LAB, LAB), edited("fmpm -a 5", "fmpm -d 5")),
    Fault(
        "the largest that fits is chosen",
        "leak",
        (NOTEBOOK, LAB),
        untold(inside(fabric_manager, "_chosen", lambda _: lambda table, sets: list(table)[-1:])),
    ),
    Fault(
        "accelerators of two tenants are one set",
        "leak",
        (NOTEBOOK, LAB),
        misread(joining(NOTEBOOK, "nvlink", *local(2))),
    ),
    Fault("the host is given no commands", "break", (LAB, LAB), lost("host:gpu8")),
)

IMEX = (
    Fault("all gangs hold one channel and one list", "leak", (RED, BLUE), misread(more(RED, BLUE, "imex"))),
    Fault(
        "a host of another tenant holds the channel and is listed",
        "leak",
        (RED, BLUE),
        misread(joining(RED, "imex", *hosts(6))),
    ),
    Fault("a host holds no channel", "break", (RED, RED), misread(leaving(RED, "imex", *hosts(3)))),
    Fault("a channel is not made", "break", (RED, RED), inside(imex, "_channels", lambda real: lambda _: real(()))),
    Fault("lists name other hosts", "break", (RED, RED), edited("10.0.0.2\n", "10.0.0.6\n")),
    Fault("no list is written", "break", (BLUE, BLUE), without("nodes_config.cfg")),
    Fault("idle hosts hold a gang's channel", "leak", (RED, "idle"), misread(more("idle", RED, "imex"))),
    Fault(
        "channels are numbered by who asks",
        "break",
        (RED, RED),
        inside(
            imex,
            "_numbers",
            lambda real: (
                lambda cliques: {
                    at + 1: frozenset({host}) for at, host in enumerate(sorted({h for c in cliques for h in c}))
                }
            ),
        ),
    ),
)
