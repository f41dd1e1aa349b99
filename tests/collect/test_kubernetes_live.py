"""The live API, against a contract server: wire shape only, no real admission, RBAC or kubelet behind it."""

import pytest

pytest.importorskip("lightkube", reason="missing-part: the extra `live` is not installed")

from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.kubernetes import collect
from ringfence.collect.kubernetes_live import live
from ringfence.errors import Problem
from tests.collect.kubernetes_contract import Contract, kubeconfig, serving

PODS, SECRETS = "/api/v1/pods", "/api/v1/secrets"


def a_pod(number):
    return {
        "metadata": {"name": f"p{number}", "namespace": "research", "uid": str(number)},
        "spec": {
            "nodeName": "gpu0001",
            "containers": [{"name": "main", "image": "train", "env": [{"name": "PASSWORD", "value": "hunter2"}]}],
        },
    }


A_SECRET = {
    "metadata": {
        "name": "token",
        "namespace": "research",
        "annotations": {
            "kubernetes.io/service-account.name": "pipeline",
            "kubectl.kubernetes.io/last-applied-configuration": '{"data": {"password": "aHVudGVyMg=="}}',
        },
    },
    "data": {"password": "aHVudGVyMg=="},
}


def ask(tmp_path, contract):
    with serving(contract) as address:
        return list(live(kubeconfig=str(kubeconfig(tmp_path, address)), timeout_s=5))


def test_lists_are_read_page_by_page_and_become_the_same_facts_as_a_dump(tmp_path):
    """Five pods in pages of two, one fact of each pod's node."""
    contract = Contract({PODS: ("Pod", [a_pod(number) for number in range(5)])})
    files = [one for one in ask(tmp_path, contract) if isinstance(one, CapturedFile)]
    assert [file.path for file in files] == [f"clusters/lab/kubernetes/pods-{n}.json" for n in (1, 2, 3)]
    facts = list(collect("", files, Scope()))
    on = {fact.subject for fact in facts if fact.predicate == "runs_on" and fact.subject.startswith("pod:")}
    assert on == {f"pod:lab/research/p{number}" for number in range(5)}


def test_only_get_is_used(tmp_path):
    """Reading never changes anything: every request is a GET."""
    contract = Contract({PODS: ("Pod", [])})
    ask(tmp_path, contract)
    assert {method for method, *_ in contract.asked} == {"GET"}


def test_secret_data_is_never_asked_for_and_no_value_is_kept(tmp_path):
    """Secrets come as metadata, pods without their environment."""
    contract = Contract({SECRETS: ("Secret", [A_SECRET]), PODS: ("Pod", [a_pod(0)])})
    files = [one for one in ask(tmp_path, contract) if isinstance(one, CapturedFile)]
    accepted = [accept for _, path, _, accept in contract.asked if path == SECRETS]
    assert all("PartialObjectMetadataList" in accept for accept in accepted)
    text = b"".join(file.data for file in files)
    assert b"hunter2" not in text
    assert b"aHVudGVyMg" not in text
    unlocks = [fact for fact in collect("", files, Scope()) if getattr(fact, "predicate", "") == "unlocks"]
    assert [fact.object for fact in unlocks] == ["identity:lab/system:serviceaccount:research:pipeline"]


def test_a_forgotten_page_token_starts_the_list_anew(tmp_path):
    """410 once: the list is read again from its beginning, nothing twice."""
    contract = Contract({PODS: ("Pod", [a_pod(number) for number in range(5)])}, forget=1)
    found = [one for one in ask(tmp_path, contract) if isinstance(one, CapturedFile)]
    assert len(found) == 3


def test_a_token_forgotten_every_time_is_told(tmp_path):
    """It ends, and says so."""
    contract = Contract({PODS: ("Pod", [a_pod(number) for number in range(5)])}, forget=100)
    found = ask(tmp_path, contract)
    assert any(isinstance(one, Problem) and "changed under" in one.what for one in found)
    assert not [one for one in found if isinstance(one, CapturedFile)]


def test_what_may_not_be_listed_is_a_problem_and_the_rest_is_read(tmp_path):
    """403 on secrets: a hole that is shown; pods are there."""
    contract = Contract({PODS: ("Pod", [a_pod(0)])}, refuse={SECRETS: 403})
    found = ask(tmp_path, contract)
    assert any(isinstance(one, Problem) and "403" in one.what and "secrets" in one.what for one in found)
    assert any(isinstance(one, CapturedFile) and "pods" in one.path for one in found)


def test_a_custom_kind_that_the_cluster_lacks_is_no_problem(tmp_path):
    """Kueue is not everywhere."""
    found = ask(tmp_path, Contract({PODS: ("Pod", [])}))
    assert not [one for one in found if isinstance(one, Problem) and "kueue" in one.what]


def test_an_answer_that_is_not_json_is_a_problem(tmp_path):
    """A proxy's error page, say."""
    found = ask(tmp_path, Contract({PODS: ("Pod", [])}, garbage=(PODS,)))
    assert any(isinstance(one, Problem) and "JSON" in one.what for one in found)


def test_a_server_that_is_not_there_is_told(tmp_path):
    """Nothing listens: one problem, and the call returns."""
    path = kubeconfig(tmp_path, "http://127.0.0.1:9")
    (found,) = live(kubeconfig=str(path), timeout_s=1)
    assert isinstance(found, Problem)
    assert "did not answer" in found.what


def test_an_unknown_context_is_told(tmp_path):
    """One problem that names the remedy."""
    path = kubeconfig(tmp_path, "http://127.0.0.1:9")
    (found,) = live("elsewhere", kubeconfig=str(path))
    assert isinstance(found, Problem)
    assert "elsewhere" in found.what


def test_what_the_api_serves_is_asked_and_becomes_facts(tmp_path, monkeypatch):
    """Discovery is a GET like the others; a version that the cluster lacks (404) is nothing, and no problem."""
    contract = Contract({PODS: ("Pod", [])})
    version = "policy.networking.k8s.io/v1alpha1"
    told = {"kind": "APIResourceList", "groupVersion": version, "resources": [{"name": "adminnetworkpolicies"}]}
    real = contract.answer
    discovery = {f"/apis/{version}": (200, told), "/apis/k8s.cni.cncf.io/v1beta1": (403, {"kind": "Status"})}
    monkeypatch.setattr(
        contract, "answer", lambda method, target, accept: discovery.get(target) or real(method, target, accept)
    )
    found = ask(tmp_path, contract)
    served = [one for one in found if isinstance(one, CapturedFile) and "/served-" in one.path]
    (fact,) = (fact for fact in collect("", served, Scope()) if fact.predicate == "setting")
    assert (fact.subject, fact.object) == ("cluster:lab", f"serves=adminnetworkpolicies.{version}")
    (problem,) = (one for one in found if isinstance(one, Problem) and "served-" in one.file)
    assert "403" in problem.what
