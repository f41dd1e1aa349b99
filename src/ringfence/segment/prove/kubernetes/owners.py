"""What the owners of namespaces could open at most: the admin tier judged against policies that allow everything.

In every namespace but the platform's the NetworkPolicies are taken to be one that allows all. What then still crosses
two tenants must be allowed by the fence, from the one namespace to the other and on that port.
"""

from collections.abc import Iterator

import msgspec

from ringfence.segment.model import Allow, Group, Policy
from ringfence.segment.prove.kubernetes.objects import Objects
from ringfence.segment.prove.kubernetes.scene import Pods, namespace_of
from ringfence.wire.netpol import values

_ALL = (values.Rule(),)


def opened(pods: Pods) -> Pods:
    """The same pods in a cluster whose owners have opened everything that they can, and what is meant for it."""
    owners = _owners(pods)
    kept = [one for one in pods.objects.policies if one.networks is None and one.namespace not in owners]
    wide = [values.Policy(name, "opened", values.Selector(), _ALL, _ALL) for name in owners]
    objects: Objects = msgspec.structs.replace(pods.objects, policies=(*kept, *wide))
    return Pods(_coarse(pods, owners), pods.inventory, pods.cluster, objects)


def _owners(pods: Pods) -> dict[str, str]:
    """Namespace → whose it is; those are left out in which a pod that nobody knows is meant to work."""
    tenants: dict[str, set[str]] = {namespace_of(one): set() for one in pods.endpoints}
    platform = set()
    for group in pods.policy.groups.values():
        for one in group.on("pod"):
            if one in pods.mine:
                tenants[namespace_of(one)].add(group.tenant)
                if one.startswith("namespace:"):
                    platform.add(namespace_of(one))
    found = {name: "+".join(sorted(names - {""})) or f"namespace:{name}" for name, names in tenants.items()}
    return {name: owner for name, owner in sorted(found.items()) if name not in platform}


def _coarse(pods: Pods, owners: dict[str, str]) -> Policy:
    """What the tier is to let pass: within an owner's namespaces all, else from namespace to namespace by port."""
    inside: dict[str, list[str]] = {}
    for one in pods.endpoints:
        inside.setdefault(namespace_of(one), []).append(one)

    def members(group: Group) -> Iterator[str]:
        for one in dict.fromkeys(namespace_of(end) if end in pods.mine else end for end in group.on("pod")):
            yield from inside.get(one, (one,))

    wide = {
        name: msgspec.structs.replace(group, members={"pod": tuple(dict.fromkeys(members(group)))})
        for name, group in pods.policy.groups.items()
    }
    by_owner: dict[str, list[str]] = {}
    for name, owner in owners.items():
        by_owner.setdefault(f"owner {owner}", []).extend(inside[name])
    wide |= {name: Group(name, "role", "", {"pod": tuple(ends)}) for name, ends in by_owner.items()}
    own = tuple(Allow(name, name, "pod", "any", "the same owner") for name in by_owner)
    of = {
        name: {owners.get(namespace_of(end), "") if end in pods.mine else "" for end in group.on("pod")}
        for name, group in pods.policy.groups.items()
    }
    across = (one for one in pods.policy.on("pod") if "" in of[one.source] or len(of[one.source] | of[one.target]) > 1)
    return msgspec.structs.replace(pods.policy, groups=wide, allows=(*across, *own))
