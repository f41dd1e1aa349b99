"""From manifests to the pods' policy: gangs by workload, the platform, services, the API; compiled and proven."""

import msgspec
import yaml

from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.kubernetes import collect
from ringfence.errors import Problem
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.compile.kubernetes import compile_kubernetes
from ringfence.segment.inventory_of import inventory_of
from ringfence.segment.policy import derive_policy
from ringfence.segment.prove.pods import prove_pods

LABEL = "training.kubeflow.org/job-name"


def a_pod(namespace, name, labels=None, port=0, token=False, **spec):
    """A running pod; `port`: what its container declares."""
    container = {"name": "main", "image": "i"} | ({"ports": [{"containerPort": port}]} if port else {})
    spec = {"nodeName": "gpu1", "automountServiceAccountToken": token, "containers": [container]} | spec
    about = {"name": name, "namespace": namespace, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


def a_service(namespace, name, selector, port, target, **spec):
    """A Service."""
    spec = {"selector": selector, "ports": [{"port": port, "targetPort": target}]} | spec
    about = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": spec}


def an_estate(*objects):
    """The estate that these manifests make, in a cluster `lab` that obeys Ringfence."""
    data = yaml.safe_dump_all(objects).encode()
    found = collect("", [CapturedFile("clusters/lab/kubernetes/all.yaml", data, 0.0)], Scope())
    facts = [one for one in found if not isinstance(one, Problem)]
    obeys = Fact("cluster:lab", "enforced_by", "service:server/ringfence:8443")
    runs = [Fact("host:head", "controls", "cluster:lab"),
            Fact("host:head", "attached_to", "network:10.0.0.0/24", {"address": "10.0.0.5"})]  # fmt: skip
    return estate_of([*facts, obeys, *runs])


def derived(*objects):
    """(policy, inventory)."""
    estate = an_estate(*objects)
    return derive_policy(estate), inventory_of(estate)


def allowed(policy):
    """(source, target, what) on the pod plane."""
    return {(one.source, one.target, one.what) for one in policy.on("pod")}


OBJECTS = (
    a_pod("research", "a-worker-0", {LABEL: "a"}),
    a_pod("research", "a-worker-1", {LABEL: "a"}),
    a_pod("research", "b-worker-0", {LABEL: "b"}),
    a_pod("research", "b-worker-1", {LABEL: "b"}),
    a_pod("research", "web-0", {"app": "web"}, port=8080),
    a_pod("research", "operator-0", {"job-name": "operate"}, token=True),
    a_service("research", "web", {"app": "web"}, 80, 8080, type="LoadBalancer"),
    a_pod("kube-system", "coredns-0", {"k8s-app": "kube-dns"}, port=53),
)


def test_the_ranks_of_one_run_are_a_gang_and_two_runs_are_two():
    """Two PyTorchJobs of one namespace do not reach one another, though they read the same: nothing."""
    policy, _ = derived(*OBJECTS)
    a, b = policy.groups["gang:kubernetes/lab/research/a"], policy.groups["gang:kubernetes/lab/research/b"]
    assert a.on("pod") == ("pod:lab/research/a-worker-0", "pod:lab/research/a-worker-1")
    assert (a.name, a.name, "any") in allowed(policy)
    assert not {one for one in allowed(policy) if {one[0], one[1]} == {a.name, b.name}}


def test_names_services_and_the_api_are_allowed_and_nothing_else_is():
    """DNS from every pod, a Service at its target port, the API for who holds a token."""
    policy, _ = derived(*OBJECTS)
    assert {one for one in allowed(policy) if one[0] != one[1]} == {
        ("platform:lab", "outside:lab", "any"),
        ("outside:lab", "platform:lab", "any"),
        ("pods:lab", "platform:lab", "tcp/53"),
        ("pods:lab", "platform:lab", "udp/53"),
        ("pods:lab/research", "svc:lab/research/web", "tcp/8080"),
        ("outside:lab", "svc:lab/research/web", "tcp/8080"),
        ("api-users:lab", "api:lab", "tcp/6443"),
    }
    assert policy.groups["api-users:lab"].on("pod") == ("pod:lab/research/operator-0",)
    assert policy.groups["api:lab"].on("pod") == ("network:10.0.0.5/32",)
    assert "namespace:lab/kube-system" in policy.groups["platform:lab"].on("pod")


def test_what_is_derived_is_compiled_and_proven():
    """From manifests to a proof, with nothing stated by anybody; an owner's namespace has its tier."""
    policy, known = derived(*OBJECTS)
    known = msgspec.structs.replace(known, enforcers={**known.enforcers, "clusternetworkpolicy": ("cluster:lab",)})
    compiled = compile_kubernetes(policy, known)
    assert '"ClusterNetworkPolicy"' in compiled.artefacts[0].text
    proof = prove_pods(policy, known, compiled.artefacts, compiled.residuals)
    assert proof.differences == ()
    assert proof.open_pairs == 0


def test_a_pod_on_its_nodes_network_is_told():
    """A node exporter in a namespace of its own."""
    policy, known = derived(*OBJECTS, a_pod("monitoring", "exporter-0", hostNetwork=True))
    compiled = compile_kubernetes(policy, known)
    assert {one.target for one in compiled.residuals if one.source == "*"} == {"pod:lab/monitoring/exporter-0"}
    proof = prove_pods(policy, known, compiled.artefacts, compiled.residuals)
    assert {one.kind for one in proof.differences} <= {"break"}


def test_without_addresses_of_the_api_its_users_are_cut_and_that_is_told():
    """No host says that it runs the control plane."""
    estate = an_estate(*OBJECTS).with_delta((), [Fact("host:head", "controls", "cluster:lab")])
    policy = derive_policy(estate)
    assert [one.target for one in policy.residuals if one.source == "api-users:lab"] == ["api:lab"]
    assert not [one for one in policy.on("pod") if one.source == "api-users:lab"]


def test_a_cluster_called_slurm_does_not_take_the_names_of_jobs():
    """Its namespace `alpha` and its workload `4711` are not job 4711 of the Slurm cluster `alpha`."""
    data = yaml.safe_dump_all([a_pod("alpha", "w-0", {LABEL: "4711"})]).encode()
    found = collect("", [CapturedFile("clusters/slurm/kubernetes/all.yaml", data, 0.0)], Scope())
    facts = [one for one in found if not isinstance(one, Problem)]
    job = "job:slurm/alpha/4711"
    facts += [Fact(job, "runs_on", "host:n1"), Fact(job, "in_cluster", "cluster:alpha")]
    policy = derive_policy(estate_of(facts))
    gangs = {name: group for name, group in policy.groups.items() if group.kind == "gang"}
    assert gangs.keys() == {"gang:slurm/alpha/4711", "gang:kubernetes/slurm/alpha/4711"}
    assert gangs["gang:kubernetes/slurm/alpha/4711"].on("pod") == ("pod:slurm/alpha/w-0",)


def served(version, *names):
    """What `kubectl get --raw /apis/VERSION` answers."""
    resources = [{"name": name, "kind": name, "namespaced": False, "verbs": ["get"]} for name in names]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def test_what_the_api_serves_is_what_the_cluster_speaks():
    """Told by discovery, or by a definition that is installed and served; no namespace `default` is made up."""
    versions = [{"name": "v1beta1", "served": True}, {"name": "v1beta2", "served": False}]
    names = {"plural": "multi-networkpolicies"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "multi-networkpolicies.k8s.cni.cncf.io"},
        "spec": {"group": "k8s.cni.cncf.io", "names": names, "versions": versions},
    }  # fmt: skip
    admission = served("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations")
    policies = served("policy.networking.k8s.io/v1alpha2", "clusternetworkpolicies", "clusternetworkpolicies/status")
    pod = a_pod("research", "a-0", {LABEL: "a"})
    policy, known = derived(pod, definition, admission, policies)
    lab = ("cluster:lab",)
    assert {name: where for name, where in known.enforcers.items() if where == lab} == {
        "kubernetes": lab, "clusternetworkpolicy": lab, "multinetworkpolicy": lab,
    }  # fmt: skip
    assert "ClusterNetworkPolicy" in compile_kubernetes(policy, known).artefacts[0].text
    assert not [
        fact for fact in an_estate(pod, definition, policies).facts() if fact.subject == "namespace:lab/default"
    ]
    policies["groupVersion"] = "policy.networking.k8s.io/v1alpha9"
    definition["spec"]["versions"] = versions[1:]
    admission["resources"] = [{"name": "validatingadmissionpolicies"}]
    _, known = derived(pod, definition, admission, policies)
    assert {name for name, where in known.enforcers.items() if where == lab} == {
        "kubernetes", "validatingadmissionpolicy",
    }  # fmt: skip
