"""AdminNetworkPolicy and BaselineAdminNetworkPolicy (policy.networking.k8s.io/v1alpha1).

Bounds of the schema: 100 rules a direction, 100 peers a rule, 25 networks a peer, priorities 0 to 1000.
"""

from collections.abc import Iterator

from ringfence.segment.compile.kubernetes.cells import NAMESPACE, Cells, Json, one_of
from ringfence.segment.compile.kubernetes.rules import low, manifest
from ringfence.segment.compile.kubernetes.tiers import Rule, Tier, default, ranked, tiers
from ringfence.segment.what import What

VERSION = "policy.networking.k8s.io/v1alpha1"
MOST_RULES = 100
_ACTIONS = {"pass": "Pass", "deny": "Deny"}


def policies(cells: Cells) -> Iterator[Json]:
    """One AdminNetworkPolicy (or several in a row) for every namespace, and the baseline."""
    for priority, at, tier, ingress, egress in ranked(tiers(cells), MOST_RULES):
        spec = {"priority": priority, **_spec(tier, ingress, egress)}
        yield manifest(VERSION, "AdminNetworkPolicy", name_of(tier, at), spec)
    baseline = default(cells)
    if baseline is not None:
        spec = _spec(baseline, baseline.ingress, baseline.egress)
        yield manifest(VERSION, "BaselineAdminNetworkPolicy", "default", spec)


def name_of(tier: Tier, at: int) -> str:
    """The policy's name, after its namespace."""
    return f"ringfence-{tier.name}" + (f"-part-{at}" if at else "")


def _spec(tier: Tier, ingress: tuple[Rule, ...], egress: tuple[Rule, ...]) -> dict[str, object]:
    return {
        "subject": {"namespaces": one_of(NAMESPACE, tier.namespaces)},
        "ingress": [_rule(one, "from") for one in ingress],
        "egress": [_rule(one, "to") for one in egress],
    }


def _rule(rule: Rule, side: str) -> Json:
    shown: dict[str, object] = {"name": rule.name, "action": _ACTIONS[rule.action], side: rule.peers}
    return {**shown, "ports": [port for kind in rule.kinds for port in _ports(kind)]} if rule.kinds else shown


def _ports(kind: What) -> Iterator[Json]:
    protocol = kind.protocol.upper()
    if kind.high == low(kind):
        yield {"portNumber": {"protocol": protocol, "port": low(kind)}}
    else:
        yield {"portRange": {"protocol": protocol, "start": low(kind), "end": kind.high}}
