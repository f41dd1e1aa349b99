"""Only jobs open queue pairs."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

OPEN = Atom("device_open", "it", Is("uverbs"))
PORT = Atom("has_port", "it", "port", {"port": (1, 2, 3, 4)})

CHECK = Check(
    id="RF-F09",
    name="rdma_device_open",
    title="Only the account of a job opens the fabric ports of its host",
    layer=Layer.FABRIC,
    each=(When((PORT,), kinds={"it": ("host",)}), When((OPEN,))),
    fails=(
        When((OPEN, PORT), "a verbs device is open to every account (/dev/infiniband/uverbs)", opens=("port#send",)),
        When((OPEN,), "a verbs device is open to every account", opens=()),
    ),
    rests=(asked_of("devices", complete=True),),
    why="Any account of the host may then use any partition key in the table of its port, not only that of its "
    "own job; no host firewall sees these packets. It is the usual mode, since RDMA jobs need the device.",
    remedy="Let the prolog open the device to the job alone (devices cgroup, or an SR-IOV function per job), with "
    "one partition key per job.",
    weight=3,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-3",)),
    source="rdma-core's udev rules for verbs devices",
)
