"""Every target's scene and faults."""

from collections.abc import Mapping
from functools import partial

from ringfence.segment.compile import WRITERS
from ringfence.segment.compile.exports import compile_exports
from ringfence.segment.prove import PROVERS
from tests.segment.faults import accelerators, ib, kubernetes, leaves, nftables, people, storage
from tests.segment.faults.cluster import POLICY, inventory
from tests.segment.faults.fault import Fault, Scene
from tests.segment.pod_fences import a_fence
from tests.segment.pod_fences import inventory as of_pods

WHOLE = {"host:nfs1": "/export 10.0.0.0/16(rw,sync,root_squash)\n"}
"""What the file server exported before any fence."""


def _scene(target: str, software: str = "opensm") -> Scene:
    return Scene(WRITERS[target].write, PROVERS[target].prove, POLICY, inventory(software))


def _pods(*speaks: str) -> Scene:
    policy = a_fence()
    return Scene(WRITERS["kubernetes"].write, PROVERS["kubernetes"].prove, policy, of_pods(policy, *speaks))


FAULTS: Mapping[str, tuple[Scene, tuple[Fault, ...]]] = {
    "nftables": (_scene("nftables"), nftables.FAULTS),
    "opensm": (_scene("opensm"), ib.OPENSM),
    "ufm": (_scene("ufm", "ufm"), ib.UFM),
    "nvue": (_scene("nvue"), leaves.NVUE),
    "sonic": (_scene("sonic"), leaves.SONIC),
    "xfrm": (_scene("xfrm"), leaves.XFRM),
    "nmx-m": (_scene("nmx-m"), accelerators.NMX),
    "fabric-manager": (_scene("fabric-manager"), accelerators.FABRIC_MANAGER),
    "imex": (_scene("imex"), accelerators.IMEX),
    "exports": (
        Scene(partial(compile_exports, before=WHOLE), PROVERS["exports"].prove, POLICY, inventory()),
        storage.EXPORTS,
    ),
    "lustre": (_scene("lustre"), storage.LUSTRE),
    "slurm": (_scene("slurm"), people.SLURM),
    "sshd": (_scene("sshd"), people.SSHD),
    "kubernetes": (_pods(), kubernetes.FAULTS),
    "kubernetes, with an admin tier": (_pods("clusternetworkpolicy"), kubernetes.TIER),
}
"""By target: what is right, and the ways in which it is made wrong."""
