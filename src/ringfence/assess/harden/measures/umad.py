"""Who may send management packets into the fabric."""

from ringfence.assess.harden.measure import Measure, Own, Permissions, There

MEASURE = Measure(
    id="RF-X14",
    name="umad",
    title="Only root sends management packets into the fabric",
    why="Whoever opens a umad device speaks to every switch and port of the fabric as a subnet manager does.",
    breaks="`ibstat -v`, `ibnetdiscover` and `perfquery` of users; nothing that verbs, NCCL or MPI do.",
    needs=(There(("/dev/infiniband/umad*", "/dev/infiniband/issm*"), "there is an InfiniBand port"),),
    wants=(
        Permissions("/dev/infiniband/umad*", 0o600),
        Permissions("/dev/infiniband/issm*", 0o600),
        Own(
            "/etc/udev/rules.d/99-ringfence-umad.rules",
            'SUBSYSTEM=="infiniband_mad", KERNEL=="umad*|issm*", OWNER="root", GROUP="root", MODE="0600"\n',
            announce="udev",
        ),
    ),
    topic="fabric",
    source="Documentation/infiniband/user_mad.rst of Linux",
)
