"""A kernel module that no host has, that is not signed, or that comes from no module folder."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import Learning, Spread, clock
from ringfence.watch.rows import Who, named, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D70",
    name="module_load",
    title="An unknown kernel module",
    meaning="A kernel module was loaded that is not signed, lies outside the system's module folders, or "
    "was never seen on any host and is none that systems load by themselves.",
    stage=NODE,
    sees=(classes.MODULE, classes.KERNEL_EXTENSION),
    threats=("RF.T22", "RF.T12"),
    attack=("T1547.006", "T1014"),
    false="The first host of a driver's rollout.",
    severity=65,
)

FOLDERS = ("/lib/modules/", "/usr/lib/modules/")
_ORDINARY = (
    "fuse overlay xfs ext4 btrfs vfat fat nls_iso8859_1 isofs squashfs loop nfs nfsd nfsv3 nfsv4 lockd sunrpc "
    "rpcrdma lustre lnet cifs dm_mod dm_crypt raid1 nvme br_netfilter bridge veth vxlan ip_tables ip6_tables "
    "iptable_nat iptable_filter nf_nat nf_conntrack nf_tables nft_chain_nat xt_conntrack xt_mark xt_comment "
    "ip_set ip_vs tun binfmt_misc configfs msr ipmi_si ipmi_devintf acpi_ipmi kvm vfio vfio_pci knem nvidia "
    "nvidia_uvm nvidia_modeset nvidia_drm nvidia_peermem nvidia_fs gdrdrv xpmem mlx5_core mlx5_ib ib_core "
    "ib_uverbs ib_ipoib ib_umad rdma_ucm rdma_cm irdma efa"
)
ORDINARY = frozenset(_ORDINARY.split())
"""Names of modules that systems, runtimes and fabrics load by themselves."""
USUAL = 3
"""Hosts that have a module before it is of the cluster."""


class State(msgspec.Struct):
    """By which hosts each module (name, signed, folder) was loaded."""

    learning: Learning = msgspec.field(default_factory=Learning)
    known: Spread = msgspec.field(default_factory=lambda: Spread(owners=USUAL, most=20_000))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every module that was loaded."""
    rows, activity = batch.rows(classes.MODULE, classes.KERNEL_EXTENSION), batch.numbers("activity_id")
    rows = rows[activity[rows] == 1]
    if not len(rows):
        return
    learned = state.learning.done(clock(batch))
    for row in rows.tolist():
        path = batch.text("module.file.path", row) or batch.text("file.path", row)
        one = who(batch, row)
        signed = batch.text("module.signed", row).lower()
        name = path.rpartition("/")[2].partition(".")[0].replace("-", "_") or "without a name"
        key = f"{name}|{signed}|{path.rpartition('/')[0][:120]}"
        before = state.known.add(key, one.host, one.time)
        yield from _judge(one, path, name, signed, before, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _judge(one: Who, path: str, name: str, signed: str, before: int, learned: bool) -> Iterator[Signal]:
    elsewhere = bool(path) and path.startswith("/") and not path.startswith(FOLDERS)
    usual = before >= USUAL and learned
    if usual or (not elsewhere and name in ORDINARY and signed != "false"):
        return
    if not learned and signed != "false" and not elsewhere:
        return
    faults = [
        text for text, wrong in (("not signed", signed == "false"), ("outside the module folders", elsewhere)) if wrong
    ]
    why = f"{one.process or 'somebody'} loaded {shown(path or name)}, {' and '.join(faults) or 'which no host had'}"
    confidence = 0.85 if len(faults) == 2 else 0.75 if faults else 0.6
    holds = (f"{named('host', one.host)}#root",)
    yield noticed(about, one, f"{one.host}|{name}", why, confidence=confidence, holds=holds)
