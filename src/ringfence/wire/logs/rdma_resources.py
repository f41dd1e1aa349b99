"""`rdma -j resource show qp`: the queue pairs that processes have open, one look.

Source: iproute2, rdma-resource(8). The kernel tells the number of the peer's queue pair and never its address, and
queue pairs that a device made for itself (DEVX, GPU-initiated) are not in the list at all: `rdma.peer` stays empty.
"""

import re

from ringfence.wire.ibnet import rdma
from ringfence.wire.logs.form import Form, Found
from ringfence.wire.logs.row import Row
from ringfence.wire.ocsf import classes

_HEAD = re.compile(rb"\A\s{0,64}\[\s{0,64}\{\s{0,64}\"(?:ifindex|ifname)\"")


def whole(name: str, data: bytes) -> Found:
    """The queue pairs of one look that are connected to a peer."""
    for pair in rdma.pairs(data):
        row = Row(classes.RDMA)
        row.put("ib.device", pair.device)
        row.put("ib.port", pair.port)
        row.put("rdma.qpn", pair.local)
        row.put("rdma.peer_qpn", pair.remote)
        row.put("rdma.type", pair.type)
        row.put("rdma.state", pair.state)
        row.put("process.pid", pair.pid)
        row.put("process.name", pair.command)
        yield row.event(0, "", "linux//rdma", 3)


def looks(head_: bytes) -> bool:
    """Whether it is iproute2's JSON about queue pairs."""
    return bool(_HEAD.match(head_)) and b'"lqpn"' in head_


FORM = Form("rdma", "rdma -j resource show qp", looks, whole=whole)
