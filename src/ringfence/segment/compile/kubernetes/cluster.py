"""ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2), which takes the place of the two admin kinds.

Bounds of the schema: 25 rules a direction, 25 peers a rule, 25 networks a peer, 25 protocols a rule.
"""

from collections.abc import Iterator
from itertools import zip_longest

from ringfence.segment.compile.kubernetes.admin import PRIORITY, name_of
from ringfence.segment.compile.kubernetes.cells import NAMESPACE, Cells, Json, one_of
from ringfence.segment.compile.kubernetes.rules import low, manifest
from ringfence.segment.compile.kubernetes.tiers import Rule, Tier, default, parts, tiers
from ringfence.segment.what import What

VERSION, KIND = "policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"
MOST_RULES = 25
_ACTIONS = {"pass": "Pass", "deny": "Deny"}


def policies(cells: Cells) -> Iterator[Json]:
    """The tier of every tenant, and the baseline of all of them."""
    for tier in tiers(cells):
        yield from _policies(tier, "Admin", cells.name)
    baseline = default(cells)
    if baseline is not None:
        yield from _policies(baseline, "Baseline", cells.name)


def _policies(tier: Tier, called: str, cluster: str) -> Iterator[Json]:
    sides = (parts(tier.ingress, MOST_RULES), parts(tier.egress, MOST_RULES))
    for at, (ingress, egress) in enumerate(zip_longest(*sides, fillvalue=())):
        spec = {
            "tier": called,
            "priority": PRIORITY + at,
            "subject": {"namespaces": one_of(NAMESPACE, tier.namespaces)},
            "ingress": [_rule(one, "from") for one in ingress],
            "egress": [_rule(one, "to") for one in egress],
        }
        yield manifest(VERSION, KIND, name_of(tier, at) if tier.tenant else f"ringfence-baseline-{at}", spec)


def _rule(rule: Rule, side: str) -> Json:
    shown: dict[str, object] = {"name": rule.name, "action": _ACTIONS[rule.action], side: rule.peers}
    return {**shown, "protocols": [_protocol(kind) for kind in rule.kinds]} if rule.kinds else shown


def _protocol(kind: What) -> Json:
    if kind.high == low(kind):
        port: Json = {"number": low(kind)}
    else:  # a transport must say something; all of its ports are a range like any other
        port = {"range": {"start": low(kind), "end": kind.high}}
    return {kind.protocol: {"destinationPort": port}}
