"""The pods' fence: compile and prove from scratch, at sizes of a real cluster.

python -m bench.fence_pods 10000 500        pods, namespaces; JSON on standard output
"""

import json
import sys
import time
from typing import Any

from ringfence.segment.compile.kubernetes import compile_kubernetes
from ringfence.segment.inventory import Inventory, PodFacts
from ringfence.segment.model import Allow, Group, Policy
from ringfence.segment.prove.pods import prove_pods

LAB, GANG, TENANT_SPACES = "cluster:lab", 5, 10
SPEAKS = (("kubernetes",), ("kubernetes", "clusternetworkpolicy"))


def plane(pods: int, spaces: int, speaks: tuple[str, ...]) -> tuple[Policy, Inventory]:
    """Gangs of 5 pods, spread evenly over namespaces, ten namespaces a tenant; a platform; one store outside."""
    groups: dict[str, Group] = {}
    facts: dict[str, PodFacts] = {}
    for at in range(pods // GANG):
        space = at % spaces
        members = tuple(f"pod:lab/n{space}/g{at}-{rank}" for rank in range(GANG))
        facts |= {one: PodFacts({"app": "train", "rank": one[-1]}) for one in members}
        groups[f"gang:{at}"] = Group(f"gang:{at}", "gang", f"tenant:{space // TENANT_SPACES}", {"pod": members})
    allows = [Allow(name, name, "pod", "any", "ranks") for name in groups]
    platform = ("namespace:lab/kube-system", *(f"pod:lab/kube-system/dns-{at}" for at in range(3)))
    shared = {
        "pods": ("role", tuple(facts)),
        "platform": ("service", platform),
        "store": ("outside", ("network:10.9.0.0/16",)),
    }
    groups |= {name: Group(name, kind, "", {"pod": members}) for name, (kind, members) in shared.items()}
    allows += [Allow("pods", "platform", "pod", f"{protocol}/53", "names") for protocol in ("tcp", "udp")]
    allows += [Allow("platform", "platform", "pod", "any", "parts"), Allow("pods", "store", "pod", "tcp/443", "data")]
    enforcers = dict.fromkeys(speaks, (LAB,))
    return Policy(groups, tuple(allows)), Inventory(pods=facts, enforcers=enforcers)


def measure(pods: int, spaces: int, speaks: tuple[str, ...]) -> dict[str, Any]:
    """Seconds of each step."""
    policy, inventory = plane(pods, spaces, speaks)
    start = time.perf_counter()
    compiled = compile_kubernetes(policy, inventory)
    written = time.perf_counter()
    proof = prove_pods(policy, inventory, compiled.artefacts, compiled.residuals)
    proven = time.perf_counter()
    return {
        "pods": pods,
        "namespaces": spaces,
        "gangs": pods // GANG,
        "speaks": speaks,
        "compile_s": round(written - start, 3),
        "prove_s": round(proven - written, 3),
        "megabytes": round(len(compiled.artefacts[0].text) / 1e6, 2),
        "holds": proof.holds,
    }


if __name__ == "__main__":
    sizes = [int(one) for one in sys.argv[1:3]]
    cases = [(sizes[0], sizes[1])] if len(sizes) == 2 else [(1000, 50), (5000, 250), (10_000, 500)]
    print(json.dumps([measure(pods, spaces, speaks) for pods, spaces in cases for speaks in SPEAKS], indent=1))
