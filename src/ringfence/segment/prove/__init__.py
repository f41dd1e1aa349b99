"""Provers, one file per plane: from what was compiled, or read back, to who can reach whom. They know no writer."""

from collections.abc import Mapping

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
    "nftables": Prover("ip", prove_ip),
    "xfrm": Prover("ip", prove_xfrm),
    "sonic": Prover("roce", prove_sonic),
    "nvue": Prover("roce", prove_nvue),
    "imex": Prover("imex", prove_imex),
    "fabric-manager": Prover("nvlink", prove_fabric_manager),
    "nmx-m": Prover("nvlink", prove_nmx),
    "lustre": Prover("storage", prove_lustre),
    "exports": Prover("storage", prove_exports),
    "kubernetes": Prover("pod", prove_pods),
    "slurm": Prover("scheduler", prove_scheduler),
    "sshd": Prover("login", prove_login),
}
"""The prover of every target, by the target's name."""
