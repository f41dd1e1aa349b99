"""Kubernetes as an enforcer: what is written, and a prover that sees when it is wrong."""

import json

import pytest
from kubernetes_validate import validate

from ringfence.segment.compile.kubernetes import compile_kubernetes
from ringfence.segment.compile.kubernetes.cells import LABEL
from ringfence.segment.inventory import PodFacts
from ringfence.segment.model import Artefact
from ringfence.segment.prove.pods import prove_pods
from ringfence.wire.kubernetes.documents import documents
from tests.segment import pod_fences
from tests.segment.pod_fences import LAB, a_fence, inventory, pods

FENCE = a_fence()
TIERS = ((), ("adminnetworkpolicy",), ("clusternetworkpolicy",))


def objects(compiled):
    """Every object of the first cluster."""
    return documents(compiled.artefacts[0].text.encode())


def artefact(found):
    """Objects as an artefact of the cluster `lab`."""
    return Artefact("lab/fence.yaml", "".join(f"---\n{json.dumps(one)}\n" for one in found), (LAB,))


def prove(policy, known, found, residuals=()):
    """The verdict on some objects."""
    return prove_pods(policy, known, [artefact(found)], residuals)


def named(found, kind, name, namespace=None):
    """The one object of that kind and name."""
    (one,) = (
        one for one in found
        if (one["kind"], one["metadata"]["name"]) == (kind, name) and namespace in (None, one["metadata"]["namespace"])
    )  # fmt: skip
    return one


def of_gang(found, start):
    """The NetworkPolicy of the compartment whose label's value starts so."""
    (one,) = (one for one in found if one["kind"] == "NetworkPolicy" and one["metadata"]["name"].startswith(start))
    return one


@pytest.mark.parametrize("speaks", TIERS)
def test_what_is_compiled_allows_what_is_meant_and_nothing_else(speaks):
    """No leak and no break, whichever admin tier the cluster speaks."""
    known = inventory(FENCE, *speaks)
    compiled = compile_kubernetes(FENCE, known)
    proof = prove_pods(FENCE, known, compiled.artefacts, compiled.residuals)
    assert proof.differences == ()
    assert proof.pairs > 0
    assert proof.open_pairs == 0
    assert compile_kubernetes(FENCE, known) == compiled


def test_the_manifests_are_what_the_published_schemas_describe():
    """NetworkPolicies, strictly, under the schema of Kubernetes 1.35; the other kinds have their own bounds below."""
    found = objects(compile_kubernetes(FENCE, inventory(FENCE)))
    checked = [one for one in found if one["kind"] == "NetworkPolicy"]
    for one in checked:
        validate(one, "1.35", strict=True)
    assert len(checked) == 10
    text = compile_kubernetes(FENCE, inventory(FENCE)).artefacts[0].text
    assert text.startswith("# Written by Ringfence")


@pytest.mark.parametrize(
    ("kind", "most"), [("AdminNetworkPolicy", 100), ("BaselineAdminNetworkPolicy", 100), ("ClusterNetworkPolicy", 25)]
)
def test_admin_tiers_stay_within_the_bounds_of_their_schemas(kind, most):
    """A tenant with 60 services on ports of their own still fits, in several policies of rising priority."""
    groups = [pod_fences.group(f"gang:{n}", "gang", f"tenant:{n % 2}", pods(f"n{n}", "p")) for n in range(62)]
    allows = [("gang:1", f"gang:{n}", f"tcp/{n + 1}") for n in range(0, 62, 2)]
    policy = pod_fences.policy(groups, allows)
    known = inventory(policy, kind.lower().removeprefix("baseline"))
    compiled = compile_kubernetes(policy, known)
    of_kind = [one for one in objects(compiled) if one["kind"] == kind]
    assert of_kind
    for one in of_kind:
        spec = one["spec"]
        assert 0 <= spec.get("priority", 0) <= 1000
        for rule in (*spec["ingress"], *spec["egress"]):
            assert 1 <= len(rule.get("from", rule.get("to"))) <= most
            assert 1 <= len(rule.get("ports", rule.get("protocols", [0]))) <= 25
        assert max(len(spec["ingress"]), len(spec["egress"])) <= most
    ranks = [
        one["spec"]["priority"]
        for one in of_kind
        if "priority" in one["spec"] and one["spec"].get("tier") != "Baseline"
    ]
    assert len(set(ranks)) == len(ranks)  # tools, ours too, refuse two of one rank
    assert prove_pods(policy, known, compiled.artefacts, ()).holds


def test_a_pod_that_nobody_knows_yet_may_do_nothing():
    """Default deny selects every pod of a fenced namespace; without it the unlabelled pod is open."""
    known = inventory(FENCE)
    found = objects(compile_kubernetes(FENCE, known))
    deny = named(found, "NetworkPolicy", "ringfence-default-deny", "red")
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    without = [one for one in found if one is not deny]
    leaks = prove(FENCE, known, without).differences
    assert any("namespace:lab/red" in (one.source, one.target) for one in leaks)


def test_pods_of_the_platform_need_no_label_of_ours():
    """A new DNS server that nobody has labelled answers at once: its namespace as a whole stands in the group."""
    found = objects(compile_kubernetes(FENCE, inventory(FENCE)))
    assert not [one for one in found if one["kind"] == "Pod" and one["metadata"]["namespace"] == "kube-system"]
    red = of_gang(found, "ringfence-gang-red-1")
    to_dns = [rule for rule in red["spec"]["egress"] if {"protocol": "UDP", "port": 53} in rule.get("ports", ())]
    assert to_dns[0]["to"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}, "podSelector": {}}
    ]


def widened(found):
    """Every way to get one thing wrong that is tried: (what is wrong, the objects)."""
    text = json.dumps(found)

    def changed(what, at, change):
        fresh = json.loads(text)
        change(at(fresh))
        return what, fresh

    red = lambda all_: of_gang(all_, "ringfence-gang-red-1")["spec"]  # noqa: E731
    serve = lambda all_: of_gang(all_, "ringfence-serve-blue")["spec"]  # noqa: E731
    yield changed("a gang accepts everyone", red, lambda spec: spec["ingress"].append({}))
    yield changed("a gang sends to everyone", red, lambda spec: spec.update(policyTypes=["Ingress"]))
    yield changed("nobody may reach the gang", red, lambda spec: spec.update(ingress=[]))
    yield changed("the gang may reach nobody", red, lambda spec: spec.update(egress=[]))
    yield changed("the wrong pods", red, lambda spec: spec.update(podSelector={}))
    yield changed("pods of no label", red, lambda spec: spec["podSelector"]["matchLabels"].update({LABEL: "x"}))
    yield changed("ports left out", red, lambda spec: [rule.pop("ports", 0) for rule in spec["egress"]])
    yield changed("a block one bit too wide", red, lambda spec: _block(spec)["ipBlock"].update(cidr="10.8.0.0/15"))
    yield changed("a block one bit too narrow", red, lambda spec: _block(spec)["ipBlock"].update(cidr="10.9.0.0/17"))
    yield changed("a block with a hole", red, lambda spec: _block(spec)["ipBlock"].update({"except": ["10.9.9.9/32"]}))
    yield changed("the service is open to the world", serve, lambda spec: spec["ingress"].append({"from": _WORLD}))
    yield changed("one port of the world too many", serve, lambda spec: _to_world(spec).update(endPort=444))
    yield changed("one port too few", serve, lambda spec: _port(spec).update(endPort=8009))
    yield changed("a service on UDP", serve, lambda spec: _port(spec).update(protocol="UDP"))
    fresh = json.loads(text)
    yield "a label is missing", [one for one in fresh if one["metadata"]["name"] != "a-1"]
    fresh = json.loads(text)
    named(fresh, "Pod", "b-0")["metadata"]["labels"] = named(fresh, "Pod", "a-0")["metadata"]["labels"]
    yield "a pod with the label of another gang", fresh
    fresh = json.loads(text)
    yield "a policy is missing", [one for one in fresh if one is not of_gang(fresh, "ringfence-serve-blue")]
    yield "a policy of somebody else", [*found, open_to_all("blue")]
    yield (
        "an object that is none",
        [*found, {"kind": "NetworkPolicy", "metadata": {"name": "n"}, "spec": {"egress": 7}}],
    )


_WORLD = [{"ipBlock": {"cidr": "198.51.100.0/24"}}]


def _block(spec):
    return next(peer for rule in spec["egress"] for peer in rule["to"] if "ipBlock" in peer)


def _to_world(spec):
    return next(rule["ports"][0] for rule in spec["ingress"] if "ipBlock" in rule["from"][0])


def _port(spec):
    return next(port for rule in spec["ingress"] for port in rule["ports"] if port.get("endPort") == 8010)


def open_to_all(namespace):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "mine", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]},
    }


def test_every_seeded_fault_is_seen():
    """Nineteen ways to be wrong; the prover knows of none of them."""
    known = inventory(FENCE)
    found = objects(compile_kubernetes(FENCE, known))
    assert prove(FENCE, known, found).holds
    missed = [what for what, broken in widened(found) if prove(FENCE, known, broken).holds]
    assert missed == []


def test_pods_on_the_network_of_their_node_are_residuals_and_counted():
    """A node exporter: every policy overlooks it, and it reaches the pods of its own node."""
    known = inventory(FENCE)
    one, near = pods("red", "b-0", "a-0")
    known.pods[one] = PodFacts({}, host_network=True)
    host_of = {one: "host:gpu1", near: "host:gpu1"}
    known = inventory_with(known, host_of=host_of)
    compiled = compile_kubernetes(FENCE, known)
    told = [(each.source, each.target, each.pairs) for each in compiled.residuals if each.pairs]
    assert told == [("*", one, 11), (one, "host:gpu1", 1), (one, "network:*", -1)]
    proof = prove_pods(FENCE, known, compiled.artefacts, compiled.residuals)
    assert {each.kind for each in proof.differences} <= {"break"}
    assert proof.open_pairs > 0
    assert not prove_pods(FENCE, known, compiled.artefacts, ()).holds


def inventory_with(known, **changes):
    """The inventory with some of its fields changed."""
    return type(known)(**{name: changes.get(name, getattr(known, name)) for name in known.__struct_fields__})


NAD = "network:kubernetes/lab/red/rail0"


def test_a_secondary_network_is_fenced_by_multinetworkpolicy_or_told():
    """Rails between two gangs: the same rules there, or one residual that names the network."""
    known = inventory(FENCE)
    for one in pods("red", "a-0", "a-1", "b-0"):
        known.pods[one] = PodFacts({}, networks=(NAD,))
    bare = compile_kubernetes(FENCE, known)
    (told,) = (one for one in bare.residuals if one.pairs)
    assert (told.source, told.target, told.pairs) == (NAD, NAD, 6)
    proof = prove_pods(FENCE, known, bare.artefacts, bare.residuals)
    assert proof.holds
    assert proof.open_pairs > 0
    assert proof.open_pairs % 10 == 0  # a-0 and a-1 with b-0, all three with an unknown pod, both ways
    assert {one.because for one in prove_pods(FENCE, known, bare.artefacts, ()).differences} == {f"on {NAD}"}

    fenced = inventory_with(known, enforcers={**known.enforcers, "multinetworkpolicy": (LAB,)})
    compiled = compile_kubernetes(FENCE, fenced)
    assert prove_pods(FENCE, fenced, compiled.artefacts, compiled.residuals).open_pairs == 0
    multi = [one for one in objects(compiled) if one["kind"] == "MultiNetworkPolicy"]
    assert {one["metadata"]["annotations"]["k8s.v1.cni.cncf.io/policy-for"] for one in multi} == {"red/rail0"}
    (red,) = (one for one in multi if one["metadata"]["name"].startswith("ringfence-gang-red-1"))
    less = [one for one in objects(compiled) if one != red]
    assert {one.kind for one in prove(FENCE, fenced, less, compiled.residuals).differences} == {"break"}
    opened = prove(FENCE, fenced, [*objects(compiled), _multi_open()], compiled.residuals).differences
    assert {(one.kind, one.because) for one in opened} == {("leak", f"on {NAD}")}


def _multi_open():
    about = {"name": "mine", "namespace": "red", "annotations": {"k8s.v1.cni.cncf.io/policy-for": "rail0"}}
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}
    return {"apiVersion": "k8s.cni.cncf.io/v1beta1", "kind": "MultiNetworkPolicy", "metadata": about, "spec": spec}


def test_a_cluster_that_enforces_nothing_is_one_residual():
    """Nothing is written, and all pairs are counted as open."""
    known = inventory_with(inventory(FENCE), enforcers={})
    compiled = compile_kubernetes(FENCE, known)
    assert compiled.artefacts == ()
    assert [(one.source, one.target) for one in compiled.residuals] == [("*", LAB), (LAB, "*")]
    proof = prove_pods(FENCE, known, (), compiled.residuals)
    assert proof.open_pairs > 0
    assert proof.holds
    assert not prove_pods(FENCE, known, (), ()).holds


def test_what_kubernetes_has_no_word_for_stays_cut_and_is_told():
    """ICMP, and an IPv6 network."""
    groups = [
        pod_fences.group("gang:a", "gang", "t", pods("x", "p", "q")),
        pod_fences.group("six", "outside", "", ("network:2001:db8::/32",)),
    ]
    policy = pod_fences.policy(groups, [("gang:a", "gang:a", "icmp"), ("gang:a", "six", "tcp/443")])
    compiled = compile_kubernetes(policy, inventory(policy, "clusternetworkpolicy"))
    assert [(one.source, one.target, one.pairs) for one in compiled.residuals] == [
        ("gang:a", "gang:a", 0), ("six", "network:2001:db8::/32", 0),
    ]  # fmt: skip
    assert not prove_pods(policy, inventory(policy), compiled.artefacts, compiled.residuals).holds
