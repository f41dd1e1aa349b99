"""Every target's random cases."""

import random
from collections.abc import Callable, Mapping

from tests.segment.brute import accelerators, folders, keys, leaves, nft, people, pods
from tests.segment.brute.case import Case

CASES: Mapping[str, Callable[[random.Random], Case]] = {
    "nftables": nft.drawn,
    "opensm": keys.opensm,
    "ufm": keys.ufm,
    "nvue": leaves.nvue,
    "sonic": leaves.sonic,
    "xfrm": leaves.xfrm,
    "nmx-m": accelerators.nmx,
    "fabric-manager": accelerators.fabric_manager,
    "imex": accelerators.imex,
    "exports": folders.exports,
    "lustre": folders.lustre,
    "kubernetes": pods.kubernetes,
    "slurm": people.slurm,
    "sshd": people.sshd,
}
"""By target."""
