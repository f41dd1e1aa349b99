"""On random small policies writer, prover and a judge that looks pair by pair agree, on every plane."""

import random

import pytest

from ringfence.segment.compile import WRITERS
from tests.segment.brute.case import agree
from tests.segment.brute.table import CASES

SAMPLE = {"nftables": 40, "kubernetes": 50}
"""How many in the usual run, where a policy takes long; else `USUAL`."""

USUAL = 150


def test_every_writer_is_judged() -> None:
    assert set(WRITERS) <= set(CASES)


@pytest.mark.parametrize("target", CASES)
def test_a_sample_of_policies_is_judged_as_pair_by_pair(target: str) -> None:
    for seed in range(SAMPLE.get(target, USUAL)):
        _agree(target, seed)


@pytest.mark.long
@pytest.mark.parametrize("target", CASES)
def test_ten_thousand_policies_are_judged_as_pair_by_pair(target: str) -> None:
    for seed in range(10_000):
        _agree(target, seed)


def _agree(target: str, seed: int) -> None:
    chance = random.Random(f"{target} {seed}")
    try:
        agree(CASES[target](chance), chance)
    except AssertionError as error:
        raise AssertionError(f"{target}, seed {seed}: {error}") from error
