"""ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2), which takes the place of the two admin kinds.

Bounds of the schema: 25 rules a direction, 25 peers a rule, 25 networks a peer, 25 protocols a rule.
"""

from collections.abc import Iterator

from ringfence.segment.compile.kubernetes.admin import name_of
from ringfence.segment.compile.kubernetes.cells import NAMESPACE, Cells, Json, one_of
from ringfence.segment.compile.kubernetes.rules import low, manifest
from ringfence.segment.compile.kubernetes.tiers import FIRST, Rule, Rules, Tier, default, ranked, tiers
from ringfence.segment.what import What

VERSION, KIND = "policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"
MOST_RULES = 25
BASELINE = "ringfence.baseline"
_ACTIONS = {"pass": "Pass", "deny": "Deny"}


def policies(cells: Cells) -> Iterator[Json]:
    """The tier of every namespace, and the baseline of all of them."""
    for priority, at, tier, ingress, egress in ranked(tiers(cells), MOST_RULES):
        yield manifest(VERSION, KIND, name_of(tier, at), _spec("Admin", priority, tier, ingress, egress))
    below = default(cells)
    if below is not None:
        yield manifest(VERSION, KIND, BASELINE, _spec("Baseline", FIRST, below, below.ingress, below.egress))


def _spec(called: str, priority: int, tier: Tier, ingress: Rules, egress: Rules) -> Json:
    return {
        "tier": called,
        "priority": priority,
        "subject": {"namespaces": one_of(NAMESPACE, tier.namespaces)},
        "ingress": [_rule(one, "from") for one in ingress],
        "egress": [_rule(one, "to") for one in egress],
    }


def _rule(rule: Rule, side: str) -> Json:
    shown: dict[str, object] = {"name": rule.name, "action": _ACTIONS[rule.action], side: rule.peers}
    return {**shown, "protocols": [_protocol(kind) for kind in rule.kinds]} if rule.kinds else shown


def _protocol(kind: What) -> Json:
    if kind.high == low(kind):
        port: Json = {"number": low(kind)}
    else:  # a transport must say something; all of its ports are a range like any other
        port = {"range": {"start": low(kind), "end": kind.high}}
    return {kind.protocol: {"destinationPort": port}}
