"""Provers, one file per plane: from what was compiled, or read back, to who can reach whom. They know no writer."""

from collections.abc import Mapping

from ringfence.segment.prove.login import prove_login
from ringfence.segment.prove.prover import Prover

PROVERS: Mapping[str, Prover] = {
    "sshd": Prover("login", prove_login),
}
"""The prover of every target, by the target's name."""
