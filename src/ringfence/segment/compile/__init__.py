"""Writers, one file per target: from the neutral policy to what a real enforcer reads.

Adding one is a file here, a line in `WRITERS`, a prover, a paragraph in docs/design/targets.md and a test.
"""

from collections.abc import Mapping

from ringfence.segment.compile.exports import compile_exports
from ringfence.segment.compile.fabric_manager import compile_fabric_manager
from ringfence.segment.compile.imex import compile_imex
from ringfence.segment.compile.kubernetes import compile_kubernetes
from ringfence.segment.compile.lustre import compile_lustre
from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.compile.nmx import compile_nmx
from ringfence.segment.compile.partitions import compile_partitions
from ringfence.segment.compile.roce import compile_nvue, compile_sonic
from ringfence.segment.compile.slurm import compile_slurm
from ringfence.segment.compile.sshd import compile_sshd
from ringfence.segment.compile.ufm import compile_ufm
from ringfence.segment.compile.writer import Writer
from ringfence.segment.compile.xfrm import compile_xfrm

WRITERS: Mapping[str, Writer] = {
    "exports": Writer("storage", compile_exports),
    "fabric-manager": Writer("nvlink", compile_fabric_manager),
    "imex": Writer("imex", compile_imex),
    "kubernetes": Writer("pod", compile_kubernetes),
    "lustre": Writer("storage", compile_lustre),
    "nftables": Writer("ip", compile_nftables),
    "nmx-m": Writer("nvlink", compile_nmx),
    "nvue": Writer("roce", compile_nvue),
    "opensm": Writer("ib", compile_partitions),
    "slurm": Writer("scheduler", compile_slurm),
    "sonic": Writer("roce", compile_sonic),
    "sshd": Writer("login", compile_sshd),
    "ufm": Writer("ib", compile_ufm),
    "xfrm": Writer("ip", compile_xfrm),
}
"""Every target by name."""
