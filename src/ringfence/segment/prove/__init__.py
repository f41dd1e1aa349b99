"""Provers, one file per plane: from what was compiled, or read back, to who can reach whom. They know no writer."""

from collections.abc import Mapping

from ringfence.segment.prove.prover import Prover

PROVERS: Mapping[str, Prover] = {}
"""The prover of every target, by the target's name."""
