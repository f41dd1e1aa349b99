"""The pods' fence against a contract server: wire shape only, no admission, RBAC, network plugin or kubelet."""

import json
import queue
import subprocess
import threading

import msgspec
import pytest

pytest.importorskip("lightkube", reason="missing-part: the extra `fence` is not installed")

from ringfence.app.follow_pods import Follower
from ringfence.collect.kubernetes_policies import connect, held
from ringfence.enforce.kubernetes import Kubernetes
from ringfence.errors import EnforceError
from ringfence.segment.compile.kubernetes import compile_kubernetes
from ringfence.segment.model import Artefact
from ringfence.segment.prove.pods import prove_pods
from ringfence.wire.kubernetes.ours import by_key, drift
from tests.collect.kubernetes_api import Api, serving
from tests.collect.kubernetes_contract import kubeconfig
from tests.segment.pod_fences import LAB, SPEAKS, a_fence, inventory

FENCE = a_fence()
KNOWN = inventory(FENCE, *SPEAKS[2:], "validatingadmissionpolicy")
COMPILED = compile_kubernetes(FENCE, KNOWN)
(ARTEFACT,) = COMPILED.artefacts


def a_pod(endpoint):
    """A running pod as the API shows it."""
    _, namespace, name = endpoint.split("/")
    about = {"name": name, "namespace": namespace, "labels": {"app": name[:1]}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": {"containers": [{"name": "main"}]}}


def a_policy(namespace, name, **labels):
    """Somebody's NetworkPolicy."""
    about = {"name": name, "namespace": namespace, "labels": labels}
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": about, "spec": spec}


PODS = [a_pod(one) for one in sorted(KNOWN.pods)]


@pytest.fixture
def cluster(tmp_path):
    """Makes an enforcer of a contract server; every server ends with the test."""
    opened = []

    def start(*objects, **how):
        api = Api(*PODS, *objects, **how)
        server = serving(api)
        address = server.__enter__()
        client = connect(kubeconfig=str(kubeconfig(tmp_path, address)), timeout_s=10)
        opened.append((server, client))
        return api, Kubernetes(client, LAB), address

    yield start
    for server, client in opened:
        client.close()
        server.__exit__(None, None, None)


def test_what_was_compiled_is_put_there_read_back_and_proven(cluster):
    """Apply, and the same prover judges what the API tells; a second apply changes nothing."""
    api, enforcer, _ = cluster()
    enforcer.apply(ARTEFACT)
    back = Artefact("read back", enforcer.read(), (LAB,))
    assert prove_pods(FENCE, KNOWN, [back], ()).holds
    assert not drift(by_key(ARTEFACT.text), by_key(back.text))
    api.asked.clear()
    enforcer.apply(ARTEFACT)
    assert {method for method, _, _ in api.asked} == {"GET"}


def test_undo_leaves_exactly_what_was_there(cluster):
    """Our older objects come back, what is others' was never touched, and nothing of ours stays."""
    theirs = a_policy("red", "their-own")
    api, enforcer, _ = cluster(theirs)
    empty = enforcer.read()
    assert empty == ""
    first = Artefact("first", "\n".join(ARTEFACT.text.split("\n---\n")[:4]).replace("\n{", "\n---\n{"), (LAB,))
    enforcer.apply(first)
    before, shown = enforcer.read(), json.dumps(api.of("NetworkPolicy")["red", "their-own"])
    assert by_key(before)
    enforcer.apply(ARTEFACT)
    enforcer.restore(before)
    assert enforcer.read() == before
    enforcer.restore(empty)
    assert list(api.of("NetworkPolicy")) == [("red", "their-own")]
    assert json.dumps(api.of("NetworkPolicy")["red", "their-own"]) == shown
    assert {name for pod in api.of("Pod").values() for name in pod["metadata"]["labels"]} == {"app"}
    assert len(api.of("Pod")) == len(PODS)


def test_a_dry_run_asks_the_server_and_changes_nothing(cluster):
    """Every request that would change something says `dryRun=All`."""
    api, enforcer, _ = cluster()
    planned = enforcer.plan(ARTEFACT)
    assert len(planned.missing) == len(by_key(ARTEFACT.text))
    assert {query.get("dryRun") for method, _, query in api.asked if method != "GET"} == {"All"}
    assert enforcer.read() == ""


def test_what_is_somebody_elses_is_left_alone(cluster):
    """A policy of the very name of ours, and a label that another manager holds: told, and nothing is changed."""
    name = next(name for kind, space, name in by_key(ARTEFACT.text) if (kind, space) == ("NetworkPolicy", "red"))
    _, enforcer, _ = cluster(a_policy("red", name))
    with pytest.raises(EnforceError, match="somebody else's; nothing was changed"):
        enforcer.apply(ARTEFACT)
    assert enforcer.read() == ""

    api, enforcer, _ = cluster()
    mine = a_pod("pod:lab/red/a-0")
    mine["metadata"]["labels"]["ringfence.io/compartment"] = "of-my-own"
    api.put(mine, "kubectl-label")
    with pytest.raises(EnforceError, match="conflicts with kubectl-label") as refused:
        enforcer.apply(ARTEFACT)
    assert "nothing was changed" in str(refused.value)
    assert refused.value.remedy
    assert not api.of("NetworkPolicy")


def test_drift_is_seen_and_put_right(cluster):
    """Somebody opens one policy, deletes another, adds one that claims to be ours, and takes a pod's label away."""
    api, enforcer, _ = cluster()
    enforcer.apply(ARTEFACT)
    (opened, *_, gone) = sorted(key for key in by_key(ARTEFACT.text) if key[0] == "NetworkPolicy" and key[1] == "red")
    policy = json.loads(json.dumps(api.objects[opened]))
    policy["spec"]["ingress"] = [{}]
    api.put(policy, "ringfence")
    api.remove(*gone)
    api.put(a_policy("red", "extra", **{"app.kubernetes.io/managed-by": "ringfence"}))
    bare = json.loads(json.dumps(api.objects["Pod", "red", "a-0"]))
    bare["metadata"]["labels"].pop("ringfence.io/compartment")
    api.put(bare, "ringfence")
    found = drift(by_key(ARTEFACT.text), by_key(enforcer.read()))
    assert set(found.missing) == {gone, ("Pod", "red", "a-0")}
    assert found.changed == (opened,)
    assert found.unwanted == (("NetworkPolicy", "red", "extra"),)
    assert not prove_pods(FENCE, KNOWN, [Artefact("back", enforcer.read(), (LAB,))], ()).holds
    enforcer.apply(ARTEFACT)
    assert not drift(by_key(ARTEFACT.text), by_key(enforcer.read()))


def test_a_change_that_fails_half_way_is_put_back(cluster):
    """The server refuses one object after its dry run passed: what was changed before it is as it was."""
    victim = [key for key in by_key(ARTEFACT.text) if key[0] == "NetworkPolicy"][5]
    api, enforcer, _ = cluster(fail=lambda method, key: 500 if (method, key) == ("PATCH", victim) else 0)
    with pytest.raises(EnforceError, match="what was changed is put back") as failed:
        enforcer.apply(ARTEFACT)
    assert failed.value.left == ()
    assert enforcer.read() == ""
    assert not api.of("NetworkPolicy")


def test_a_cluster_without_a_kind_says_so(cluster):
    """The definition of ClusterNetworkPolicy is not installed: nothing is changed, and the remedy says what to do."""
    api, enforcer, _ = cluster(lacks=("ClusterNetworkPolicy",))
    assert held(enforcer.client).speaks == (
        "adminnetworkpolicy", "baselineadminnetworkpolicy", "multinetworkpolicy", "kubernetes",
        "validatingadmissionpolicy",
    )  # fmt: skip
    with pytest.raises(EnforceError, match="does not know ClusterNetworkPolicy"):
        enforcer.apply(ARTEFACT)
    assert {method for method, _, _ in api.asked} == {"GET"}


def test_a_label_that_we_could_not_set_ourselves_is_not_reserved(cluster):
    """Without the grant the admission policy would hold back our own labels: told before anything is changed."""
    api, enforcer, _ = cluster()
    api.grants.clear()
    with pytest.raises(EnforceError, match="would not let us set the label") as refused:
        enforcer.apply(ARTEFACT)
    assert "compartments.ringfence.io" in refused.value.remedy
    assert enforcer.read() == ""


def test_a_pod_that_ended_meanwhile_is_no_error(cluster):
    """Its label is not wanted any more; the rest is in force."""
    api, enforcer, _ = cluster()
    api.remove("Pod", "red", "a-0")
    enforcer.apply(ARTEFACT)
    assert drift(by_key(ARTEFACT.text), by_key(enforcer.read())).missing == (("Pod", "red", "a-0"),)


def test_kubectl_takes_the_manifests_and_sees_what_is_there(cluster, tmp_path):
    """The real kubectl creates them on the contract server, and lists what is there then."""
    api, _, address = cluster()
    kubectl = ["kubectl", "--kubeconfig", str(kubeconfig(tmp_path, address)), "--cache-dir", str(tmp_path / "cache")]
    text = "".join(f"---\n{part}\n" for part in ARTEFACT.text.split("\n---\n")[1:] if '"kind":"Pod"' not in part)
    subprocess.run([*kubectl, "create", "--validate=false", "-f", "-"], input=text, text=True, check=True, timeout=60)
    created = {key for key in api.objects if key[0] != "Pod"}
    assert created == {key for key in by_key(ARTEFACT.text) if key[0] != "Pod"}
    shown = subprocess.run(
        [*kubectl, "get", "networkpolicies", "-A", "-o", "name"], text=True, capture_output=True, check=True, timeout=60
    )
    assert len(shown.stdout.split()) == len(api.of("NetworkPolicy"))


class Followed:
    """A follower in a thread of its own; its turns come through a queue."""

    def __init__(self, enforcer, client, desired):
        self.turns, self._stop = queue.SimpleQueue(), threading.Event()
        follower = Follower(client, enforcer, desired, self.turns.put)
        self._thread = threading.Thread(target=follower.run, args=(self._stop,), daemon=True)

    def until(self, holds):
        """The first turn of which it holds."""
        while True:
            turn = self.turns.get(timeout=20)
            if holds(turn):
                return turn

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)


def test_a_watch_keeps_the_fence_true(cluster):
    """From nothing to in force; then a policy is opened, a version is forgotten (410), a pod comes and is admitted."""
    api, enforcer, _ = cluster(lacks=("MultiNetworkPolicy",))
    extra = a_pod("pod:lab/red/a-9")
    extra["metadata"]["uid"], extra["spec"]["nodeName"] = "uid-a-9", "gpu1"

    def desired(pods):
        """The fence, with gang red-1 extended by whatever pod `a-…` of `red` is there."""
        mine = [f"pod:lab/red/{pod.name}" for pod in pods.values() if pod.name.startswith("a-")]
        red = msgspec.structs.replace(FENCE.groups["gang:red-1"], members={"pod": tuple(sorted(mine))})
        policy = msgspec.structs.replace(FENCE, groups={**FENCE.groups, red.name: red})
        return compile_kubernetes(policy, inventory(policy, *SPEAKS[2:3])).artefacts[0]

    with Followed(enforcer, enforcer.client, desired) as followed:
        first = followed.until(lambda turn: not turn.found)
        assert first.problem == ""
        name, policy = next((key, one) for key, one in api.of("NetworkPolicy").items() if key[0] == "red")
        broken = json.loads(json.dumps(policy))
        broken["spec"]["ingress"] = [{}]
        api.put(broken, "ringfence")
        followed.until(lambda turn: turn.found.changed == (("NetworkPolicy", *name),))
        followed.until(lambda turn: not turn.found)
        api.forget()
        api.put(extra)
        followed.until(lambda turn: ("Pod", "red", "a-9") in turn.found.missing)
        last = followed.until(lambda turn: "gpu1" in turn.admitted)
    assert [pod.uid for pod in last.admitted["gpu1"]] == ["uid-a-9"]
    assert api.of("Pod")["red", "a-9"]["metadata"]["labels"]["ringfence.io/compartment"].startswith("gang-red-1-")
    assert api.of("NetworkPolicy")[name]["spec"].get("ingress") != [{}]
