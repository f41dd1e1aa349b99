"""The tiers of an administrator, over whatever the owners of namespaces write."""

import json

import pytest

from ringfence.segment.compile.kubernetes import compile_kubernetes
from ringfence.segment.model import Difference
from ringfence.segment.what import parse
from tests.segment.pod_fences import a_fence, inventory
from tests.segment.test_kubernetes import TIERS, objects, open_to_all, prove

FENCE = a_fence()


@pytest.mark.parametrize("speaks", TIERS[1:])
def test_an_owner_of_a_namespace_opens_it_to_no_other_tenant(speaks):
    """Policies that allow everything in every namespace: with an admin tier nothing more crosses a tenant than is
    meant, down to the namespace and the port; without it, it does.
    """
    opened = [open_to_all(name) for name in ("red", "blue", "blue-serve")]

    def crossing(known):
        found = [*objects(compile_kubernetes(FENCE, known)), *opened]
        leaks = prove(FENCE, known, found).differences
        return [one for one in leaks if _tenant(one.source) and _tenant(one.target) and _crosses(one)]

    def _tenant(endpoint):
        return next((name for name in ("red", "blue") if f"/{name}" in endpoint), "")

    def _crosses(one: Difference):
        meant = one.source.startswith("pod:lab/red/") or one.source == "namespace:lab/red"
        passed = meant and "/blue-serve" in one.target and 8000 <= parse(one.what).low <= parse(one.what).high <= 8010
        return _tenant(one.source) != _tenant(one.target) and not passed

    assert crossing(inventory(FENCE)) != []
    assert crossing(inventory(FENCE, *speaks)) == []


def faults(found):
    """Every way to get the tiers of the three namespaces wrong that is tried: (what is wrong, the objects)."""
    text = json.dumps(found)
    names = ("ringfence-red", "ringfence-blue", "ringfence-blue-serve")

    def changed(what, change):
        fresh = json.loads(text)
        for one in fresh:
            if one["metadata"]["name"] in names and "subject" in one["spec"]:
                change(one["spec"])
        return what, fresh

    def both(change):
        return lambda spec: [change(rule, side) for side in ("ingress", "egress") for rule in spec[side][:1]]

    allow = "Accept" if any(one["kind"] == "ClusterNetworkPolicy" for one in found) else "Allow"
    everyone = {"namespaces": {}}
    yield changed("nothing is denied inside", lambda spec: [spec[way].remove(_denying(spec, way)) for way in _ENDS])
    yield changed("it goes out to the world", lambda spec: spec["egress"].remove(_denying(spec, "egress", "networks")))
    yield changed("every port is passed", lambda spec: [_without_ports(rule) for way in _ENDS for rule in spec[way]])
    yield changed("one port is denied", lambda spec: [_denying(spec, way).update(_one_port(found)) for way in _ENDS])
    yield changed("denial first", lambda spec: spec["egress"].insert(0, _denying(spec, "egress")))
    yield changed("another subject", lambda spec: spec["subject"]["namespaces"]["matchLabels"].update(x="y"))
    yield changed("all tenants are one", both(lambda rule, side: rule[_ENDS[side]].append(everyone)))
    yield changed("allowed, not passed on", both(lambda rule, side: rule.update(action=allow)))
    yield "no tier", [one for one in found if one["metadata"]["name"] not in names]


_ENDS = {"ingress": "from", "egress": "to"}


def _denying(spec, way, field="namespaces"):
    return next(rule for rule in spec[way] if rule["action"] == "Deny" and field in rule[_ENDS[way]][0])


def _without_ports(rule):
    rule.pop("ports", None)
    rule.pop("protocols", None)


def _one_port(found):
    if any(one["kind"] == "ClusterNetworkPolicy" for one in found):
        return {"protocols": [{"tcp": {"destinationPort": {"number": 1}}}]}
    return {"ports": [{"portNumber": {"protocol": "TCP", "port": 1}}]}


@pytest.mark.parametrize("speaks", TIERS[1:])
def test_every_fault_of_an_admin_tier_is_seen(speaks):
    """Nine ways, for both generations of the API. NetworkPolicies hide most of them, but owners could open those."""
    known = inventory(FENCE, *speaks)
    found = objects(compile_kubernetes(FENCE, known))
    missed = [what for what, broken in faults(found) if prove(FENCE, known, broken).holds]
    assert missed == []


@pytest.mark.parametrize("speaks", TIERS[1:])
def test_taking_our_policies_away_opens_nothing_where_there_is_a_baseline(speaks):
    """An owner deletes every NetworkPolicy of a namespace: its pods are cut off, not opened."""
    known = inventory(FENCE, *speaks)
    found = objects(compile_kubernetes(FENCE, known))
    left = [one for one in found if one["kind"] != "NetworkPolicy"]
    kinds = {
        one.kind for one in prove(FENCE, known, left).differences if "/red/" in one.source and "/red/" in one.target
    }
    assert kinds == {"break"}
