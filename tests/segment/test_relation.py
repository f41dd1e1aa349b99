"""Comparing relations by classes gives what comparing pair by pair and port by port gives."""

import random

import numpy as np
import pytest

from ringfence.errors import InputError
from ringfence.segment.relation import Block, classes, compare, excess
from ringfence.segment.what import What, parse

_KINDS = [
    What("any"),
    What("tcp", 22, 22),
    What("tcp", 20, 30),
    What("udp"),
    What("tcp", 80, 90),
    What("ro"),
    What("rw"),
]
_PROBES = [("icmp", 0), ("udp", 5), ("ro", 0), ("rw", 0)]
_PROBES += [("tcp", port) for port in (0, 19, 20, 21, 22, 23, 30, 31, 80, 85, 90, 91, 65535)]


def _some(chance: random.Random, count: int) -> np.ndarray:
    return np.array(sorted(chance.sample(range(count), chance.randint(1, count))))


def _blocks(chance: random.Random, count: int) -> list[Block]:
    return [
        Block(_some(chance, count), _some(chance, count), chance.choice(_KINDS)) for _ in range(chance.randint(0, 3))
    ]


def _passes(blocks: list[Block], source: int, target: int, protocol: str, port: int, symmetric: bool) -> bool:
    for block in blocks:
        ways = [(source, target), (target, source)][: 1 + symmetric]
        if not any(one in block.sources and other in block.targets for one, other in ways):
            continue
        what = block.what
        if what.protocol == "any" or (protocol in ("ro", "rw") and what.protocol in ("rw", protocol)):
            return True
        if what.protocol == protocol and what.low <= port <= what.high:
            return True
    return False


@pytest.mark.parametrize("seed", range(150))
def test_classes_decide_what_pairs_decide(seed: int) -> None:
    chance = random.Random(seed)
    count, symmetric = chance.randint(1, 5), chance.random() < 0.3
    want, out, into, told = (_blocks(chance, count) for _ in range(4))
    compared = compare(count, want, [out, into], told, symmetric=symmetric)
    seen = set()
    for source in range(count):
        for target in set(range(count)) - {source}:
            for protocol, port in _PROBES:
                meant, let_out, let_in, known = (
                    _passes(side, source, target, protocol, port, symmetric) for side in (want, out, into, told)
                )
                if meant and not (let_out and let_in):
                    seen.add("break")
                if let_out and let_in and not meant and not known:
                    seen.add("leak")
    assert {gap.kind for gap in compared.gaps} == seen


def test_excess_is_every_pair_that_leaks_in_rows_that_share_no_source() -> None:
    for seed in range(100):
        chance = random.Random(seed)
        want, out, into = (_blocks(chance, 5) for _ in range(3))
        rows = excess(5, want, [out, into])
        told = {(source, to) for sources, targets, _ in rows for source in sources for to in targets if source != to}
        leaks = {
            (source, to)
            for source in range(5)
            for to in set(range(5)) - {source}
            for probe in _PROBES
            if all(_passes(side, source, to, *probe, False) for side in (out, into))
            and not _passes(want, source, to, *probe, False)
        }
        assert told == leaks
        assert sum(pairs for *_, pairs in rows) == len(leaks)


def test_every_witness_is_a_pair_on_which_they_differ() -> None:
    for seed in range(60):
        chance = random.Random(seed)
        want, got = _blocks(chance, 5), _blocks(chance, 5)
        for gap in compare(5, want, [got]).gaps:
            if gap.what.protocol == "any":
                continue
            ends = (gap.source, gap.target, gap.what.protocol, gap.what.low)
            assert _passes(want, *ends, False) == (gap.kind == "break")
            assert _passes(got, *ends, False) == (gap.kind == "leak")


def test_classes_are_the_coarsest_that_no_set_cuts() -> None:
    label = classes(6, [np.array([0, 1, 2]), np.array([2, 3])])
    assert len(set(label)) == 4
    assert label[0] == label[1]
    assert label[4] == label[5]


@pytest.mark.parametrize("text", ["tcp/", "tcp/9-1", "tcp/70000", "icmp/3", "smtp", "tcp/1-", "tcp/٣"])
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse(text)


@pytest.mark.parametrize("text", ["any", "tcp", "tcp/22", "udp/53-60", "icmp", "ro", "rw"])
def test_what_is_written_as_it_is_read(text: str) -> None:
    assert str(parse(text)) == text
