"""Kernel modules that no GPU node needs."""

from ringfence.assess.harden.measure import Measure, Own, There

_RARE = ("ax25", "can", "dccp", "n_hdlc", "netrom", "rds", "rose", "sctp", "tipc")

MEASURE = Measure(
    id="RF-X06",
    name="rare_modules",
    title="Rare network protocols are not loaded at a user's word",
    why="A socket of a rare family loads its module, with flaws that nobody looks for; users of a shared node need "
    "only ask.",
    breaks="Software that speaks SCTP, TIPC, RDS or CAN.",
    needs=(There(("/etc/modprobe.d",), "the host loads modules by modprobe"),),
    wants=(
        Own("/etc/modprobe.d/ringfence-rare.conf", "".join(f"install {one} /bin/false\n" for one in _RARE)),
        Own("/etc/modprobe.d/ringfence-rare-blacklist.conf", "".join(f"blacklist {one}\n" for one in _RARE)),
    ),
    after="A module that is loaded already stays until it is removed.",
    topic="kernel modules",
    source="modprobe.d(5)",
)
