"""Random small pod planes: what the prover says, and what a judge of every single pair says."""

import json
import random

import pytest

from ringfence.segment.compile.kubernetes import compile_kubernetes
from ringfence.segment.prove.netpol.allowed import allowed
from ringfence.segment.prove.netpol.resources import Resources
from ringfence.segment.what import parse
from ringfence.wire.netpol.read import read
from ringfence.wire.netpol.values import AdminPolicy, Policy, Workload
from tests.segment.pod_fences import drawn, inventory
from tests.segment.test_kubernetes import objects, prove


def judged_alone(policy, found):
    """Whether leaks or breaks exist, pair by pair, by the evaluator on one workload for each pod."""
    values = [placed.value for placed in read(json.dumps({"kind": "List", "items": found}).encode()).found]
    labels = {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one["metadata"]["labels"]
              for one in found if one["kind"] == "Pod"}  # fmt: skip
    every = {one for each in policy.groups.values() for one in each.on("pod") if not one.startswith("network:")}
    spaces = {f"namespace:lab/{one.split('/')[1]}" for one in every}
    ends = sorted(every | spaces)
    workloads = tuple(
        Workload(
            one.split("/")[1], one.replace("/", "_").replace(":", "_"), labels=labels.get(one.partition("/")[2], {})
        )
        for one in ends
    )
    cluster = Resources(
        workloads,
        policies=tuple(one for one in values if isinstance(one, Policy)),
        admin=tuple(one for one in values if isinstance(one, AdminPolicy)),
    )
    shown = {str(workload): one for workload, one in zip(workloads, ends, strict=True)}
    have = {
        (shown[flow.source], shown[flow.target]): flow.ports
        for flow in allowed(cluster).flows if flow.source in shown and flow.target in shown
    }  # fmt: skip
    return {(a, b): have.get((a, b)) for a in ends for b in ends if a != b}


def meant(policy, pair, protocol, port):
    """Whether the policy allows one packet of a pair."""
    for allow in policy.allows:
        kind = parse(allow.what)
        fits = kind.protocol == "any" or (kind.protocol == protocol.lower() and kind.low <= port <= kind.high)
        ends = policy.groups[allow.source].on("pod"), policy.groups[allow.target].on("pod")
        if fits and pair[0] in ends[0] and pair[1] in ends[1]:
            return True
    return False


PACKETS = [(protocol, port) for protocol in ("TCP", "UDP", "SCTP") for port in (9, 10, 53, 79, 80, 81, 443, 7777)]


def agrees(seed):
    """One random plane, sometimes with one random thing broken: the prover and the pair by pair judge agree."""
    draw = random.Random(seed)
    policy = drawn(seed)
    known = inventory(policy)
    found = objects(compile_kubernetes(policy, known))
    broken = draw.random() < 0.5
    if broken:
        at = draw.randrange(len(found))
        change = draw.choice(("drop", "open", "shut"))
        if change == "drop" or found[at]["kind"] == "Pod":
            del found[at]
        else:
            found[at] = json.loads(json.dumps(found[at]))
            found[at]["spec"][draw.choice(("ingress", "egress"))] = [{}] if change == "open" else []
    proof = prove(policy, known, found)
    inside = {(one.kind, one.source, one.target) for one in proof.differences
              if not {one.source.partition(":")[0], one.target.partition(":")[0]} & {"network"}}  # fmt: skip
    wrong = set()
    for pair, ports in judged_alone(policy, found).items():
        for protocol, port in PACKETS:
            is_open = ports is not None and any(low <= port <= high for low, high in ports.of(protocol))
            if is_open != meant(policy, pair, protocol, port):
                wrong.add(("leak" if is_open else "break", *pair))
    assert {one[0] for one in wrong} == {one[0] for one in inside}, seed
    assert {one for one in inside if one[1] != one[2]} <= wrong, seed
    assert broken or proof.holds, seed


def test_random_planes_are_judged_as_pair_by_pair():
    """A seeded sample of 150."""
    for seed in range(150):
        agrees(seed)


@pytest.mark.long
def test_many_random_planes_are_judged_as_pair_by_pair():
    """10,000 of them."""
    for seed in range(10_000):
        agrees(seed)
