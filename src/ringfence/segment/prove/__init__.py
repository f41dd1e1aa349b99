"""Provers, one file per plane: from what was compiled, or read back, to who can reach whom. They know no writer."""

from collections.abc import Mapping

from ringfence.segment.prove.ib_managed import prove_opensm, prove_ufm
from ringfence.segment.prove.imex import prove_imex
from ringfence.segment.prove.ip import prove_ip
from ringfence.segment.prove.login import prove_login
from ringfence.segment.prove.nvlink import prove_fabric_manager, prove_nmx
from ringfence.segment.prove.pods import prove_pods
from ringfence.segment.prove.prover import Prover
from ringfence.segment.prove.roce import prove_nvue, prove_sonic
from ringfence.segment.prove.scheduler import prove_scheduler
from ringfence.segment.prove.storage import prove_exports, prove_lustre
from ringfence.segment.prove.xfrm import prove_xfrm

PROVERS: Mapping[str, Prover] = {
    "exports": Prover("storage", prove_exports),
    "fabric-manager": Prover("nvlink", prove_fabric_manager),
    "imex": Prover("imex", prove_imex),
    "kubernetes": Prover("pod", prove_pods),
    "lustre": Prover("storage", prove_lustre),
    "nftables": Prover("ip", prove_ip),
    "nmx-m": Prover("nvlink", prove_nmx),
    "nvue": Prover("roce", prove_nvue),
    "opensm": Prover("ib", prove_opensm),
    "slurm": Prover("scheduler", prove_scheduler),
    "sonic": Prover("roce", prove_sonic),
    "sshd": Prover("login", prove_login),
    "ufm": Prover("ib", prove_ufm),
    "xfrm": Prover("ip", prove_xfrm),
}
"""The prover of every target, by the target's name."""
