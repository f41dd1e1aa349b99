"""The questions for kubectl, answered by a contract server (wire shape only), through the real kubectl."""

import json
import os
import shutil
import subprocess

import pytest

from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.kubernetes import QUESTIONS, collect, recognise
from ringfence.collect.kubernetes.stripped import stripped
from ringfence.errors import Problem
from tests.collect.kubernetes_contract import Contract, kubeconfig, serving

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "trainer",
        "namespace": "research",
        "uid": "1",
        "labels": {"app": "train"},
        "annotations": {"k8s.v1.cni.cncf.io/networks": '[{"name": "ib-a"}]', "note": "hunter2"},
        "ownerReferences": [{"kind": "Job", "name": "train", "uid": "2"}],
    },
    "spec": {
        "nodeName": "gpu0001",
        "serviceAccountName": "pipeline",
        "hostPID": True,
        "hostUsers": True,
        "nodeSelector": {"pool": "h100", "zone": "a"},
        "securityContext": {"runAsUser": 0},
        "volumes": [
            {"name": "logs", "hostPath": {"path": "/var/log"}},
            {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
            {"name": "corpus", "persistentVolumeClaim": {"claimName": "corpus"}},
        ],
        "containers": [
            {
                "name": "main",
                "image": "registry.example/train:1.4",
                "env": [{"name": "PASSWORD", "value": "hunter2"}],
                "args": ["--token=hunter2"],
                "ports": [{"containerPort": 8080, "hostPort": 18080, "name": "http"}],
                "resources": {"limits": {"nvidia.com/gpu": "8"}},
                "securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}, "allowPrivilegeEscalation": False},
                "volumeMounts": [
                    {"name": "logs", "mountPath": "/host/log"},
                    {"name": "token", "mountPath": "/var/run/secrets/tokens", "readOnly": True},
                    {"name": "corpus", "mountPath": "/data", "subPath": "v1"},
                ],
            }
        ],
    },
    "status": {"phase": "Running"},
}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "token",
        "namespace": "research",
        "annotations": {"kubernetes.io/service-account.name": "pipeline", "note": "hunter2"},
    },
    "type": "kubernetes.io/service-account-token",
    "data": {"token": "aHVudGVyMg=="},
}
RESOURCES = [
    {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list"]},
    {"name": "secrets", "singularName": "secret", "namespaced": True, "kind": "Secret", "verbs": ["get", "list"]},
]


class Discoverable(Contract):
    """With the discovery documents that kubectl asks for first."""

    def answer(self, method, target, accept):
        path = target.partition("?")[0]
        if path == "/api":
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}
        if path == "/api/v1":
            return 200, {"kind": "APIResourceList", "groupVersion": "v1", "resources": RESOURCES}
        return super().answer(method, target, accept)


def answer(tmp_path, name):
    """What the real kubectl prints for one of the questions."""
    if shutil.which("kubectl") is None:
        pytest.skip("missing-part: kubectl")
    (probe,) = [one for one in QUESTIONS if one.path == f"kubernetes/{name}.json"]
    contract = Discoverable(
        {
            "/api/v1/pods": ("Pod", [POD, POD | {"metadata": {**POD["metadata"], "name": "b"}}]),
            "/api/v1/secrets": ("Secret", [SECRET]),
        }
    )
    with serving(contract) as address:
        done = subprocess.run(
            [*probe.argv, f"--cache-dir={tmp_path / 'cache'}"],
            env={**os.environ, "KUBECONFIG": str(kubeconfig(tmp_path, address)), "HOME": str(tmp_path)},
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def said(data):
    found = list(collect("", [CapturedFile("kubernetes/x.json", data)], Scope(cluster="lab")))
    assert not [one for one in found if isinstance(one, Problem)]
    return {
        (fact.subject, fact.predicate, fact.object, json.dumps(dict(fact.attributes), sort_keys=True)) for fact in found
    }


def test_the_template_for_pods_says_what_a_dump_says_and_no_secret(tmp_path):
    """Field by field the same facts as `-o json`, without environment, arguments and annotations."""
    data = answer(tmp_path, "pods")
    assert recognise("pods.json", data[:8192])
    assert b"hunter2" not in data
    whole = {"apiVersion": "v1", "kind": "List", "items": [POD, POD | {"metadata": {**POD["metadata"], "name": "b"}}]}
    assert said(data) == said(json.dumps(whole).encode())


def test_the_template_for_secrets_prints_names_and_kinds_only(tmp_path):
    """The token's account is known, its bytes are not."""
    data = answer(tmp_path, "secrets")
    assert b"aHVudGVyMg" not in data
    assert b"hunter2" not in data
    assert said(data) == said(json.dumps({"apiVersion": "v1", "kind": "List", "items": [SECRET]}).encode())


def test_no_question_prints_secrets_or_pods_whole():
    """Every other question is about kinds that hold no secret."""
    for probe in QUESTIONS:
        kinds, output = probe.argv[2].split(","), probe.argv[-1]
        assert output.startswith("go-template=") or not {"pods", "secrets", "configmaps"} & set(kinds)


def test_stripping_keeps_what_facts_are_made_of():
    """A pod cut down says the same as the whole pod."""
    small = stripped(POD)
    assert "hunter2" not in json.dumps(small)
    assert said(json.dumps(small).encode()) == said(json.dumps(POD).encode())
