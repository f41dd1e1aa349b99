"""Small pod planes to compile and prove, and a judge that looks at every pair by itself."""

import random

from ringfence.segment.inventory import Inventory, PodFacts
from ringfence.segment.model import Allow, Group, Policy

LAB = "cluster:lab"
SPEAKS = ("kubernetes", "adminnetworkpolicy", "clusternetworkpolicy", "multinetworkpolicy")


def pods(namespace, *names):
    """Ids of pods of the cluster `lab`."""
    return tuple(f"pod:lab/{namespace}/{name}" for name in names)


def group(name, kind, tenant, members):
    """A group with endpoints on the pod plane only."""
    return Group(name, kind, tenant, {"pod": tuple(members)})


def policy(groups, allows):
    """A policy of groups and (source, target, what) triples."""
    return Policy(
        {one.name: one for one in groups},
        tuple(Allow(source, target, "pod", what, "a test") for source, target, what in allows),
    )


def a_fence():
    """Two tenants, three gangs, one service between them, a platform with DNS, two networks outside."""
    groups = [
        group("gang:red-1", "gang", "tenant:red", pods("red", "a-0", "a-1", "a-2")),
        group("gang:red-2", "gang", "tenant:red", pods("red", "b-0", "b-1")),
        group("gang:blue", "gang", "tenant:blue", pods("blue", "c-0", "c-1") + pods("blue-serve", "c-2")),
        group("serve:blue", "service", "tenant:blue", pods("blue-serve", "api-0", "api-1")),
        group("pods:lab", "role", "", pods("red", "a-0", "a-1", "a-2", "b-0", "b-1")
              + pods("blue", "c-0", "c-1") + pods("blue-serve", "c-2", "api-0", "api-1")),
        group("platform:lab", "service", "", (*pods("kube-system", "dns-0", "dns-1"), "namespace:lab/kube-system")),
        group("outside", "outside", "", ("network:internet",)),
        group("store", "outside", "", ("network:10.9.0.0/16",)),
    ]  # fmt: skip
    allows = [
        *((name, name, "any") for name in ("gang:red-1", "gang:red-2", "gang:blue", "platform:lab")),
        ("gang:red-1", "serve:blue", "tcp/8000-8010"),
        ("gang:blue", "serve:blue", "tcp/8000"),
        ("pods:lab", "platform:lab", "udp/53"),
        ("pods:lab", "platform:lab", "tcp/53"),
        ("gang:red-1", "store", "tcp/443"),
        ("outside", "serve:blue", "tcp/443"),
        ("platform:lab", "outside", "any"),
    ]
    return policy(groups, allows)


def inventory(policy_, *speaks, **more):
    """What is known of its pods: an application's label; the cluster speaks `kubernetes` and the kinds named."""
    names = (one for each in policy_.groups.values() for one in each.on("pod") if one.startswith("pod:"))
    facts = {one: PodFacts({"app": one.rpartition("/")[2][:1]}) for one in names}
    enforcers = dict.fromkeys(("kubernetes", *speaks), (LAB,))
    return Inventory(pods=facts, enforcers=enforcers, **more)


def drawn(seed):
    """A random small pod plane."""
    draw = random.Random(seed)
    every = [name for space in ("x", "y", "z") for name in pods(space, *(str(at) for at in range(draw.randint(1, 3))))]
    outside = [
        "network:10.0.0.0/8",
        "network:10.1.0.0/16",
        "network:192.0.2.0/24",
        "namespace:lab/x",
        "namespace:lab/y",
    ]
    groups = []
    for at in range(draw.randint(2, 5)):
        kind = draw.choice(("gang", "role", "service"))
        members = draw.sample(every, draw.randint(1, len(every))) + draw.sample(outside, draw.choice((0, 0, 1, 2)))
        groups.append(group(f"{kind}:{at}", kind, draw.choice(("", "tenant:t", "tenant:u")), sorted(members)))
    what = ("any", "tcp", "tcp/80", "tcp/79-81", "udp/53", "sctp/9-10", "tcp/80-443")
    names = [one.name for one in groups]
    return policy(
        groups, [(draw.choice(names), draw.choice(names), draw.choice(what)) for _ in range(draw.randint(1, 6))]
    )
