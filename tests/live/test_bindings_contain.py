"""Role bindings are taken away and put back, against a contract server: wire shape only.

It shows how an API server is spoken to. It does not show what RBAC, admission or GitOps of a real cluster decide.
"""

import json

import pytest

pytest.importorskip("lightkube", reason="missing-part: the extra `fence` is not installed")

from ringfence.collect.kubernetes_policies import ask, connect
from ringfence.enforce.bindings import RevokedBindings, bare
from ringfence.enforce.kept import Kept
from ringfence.errors import EnforceError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import Bindings, decode, encode
from tests.collect.kubernetes_api import Api, serving
from tests.collect.kubernetes_contract import kubeconfig
from tests.live.killing import Killer, died

LAB = "cluster:lab"
STEPS = frozenset({ask.__code__, Kept.save.__code__})


def binding(name, namespace="", **labels):
    """Somebody's binding, with what an API server adds to it."""
    about = {"name": name, "uid": f"uid-{name}", "labels": labels, "annotations": {"why": "a test"},
             "managedFields": [{"manager": "kubectl"}]}  # fmt: skip
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1", "kind": kind,
        "metadata": about | ({"namespace": namespace} if namespace else {}),
        "subjects": [{"kind": "User", "name": "alice", "apiGroup": group}],
        "roleRef": {"kind": "ClusterRole", "name": "edit", "apiGroup": group},
    }  # fmt: skip


@pytest.fixture
def cluster(tmp_path):
    """Makes a driver of a contract server with these objects; every server ends with the test."""
    opened = []

    def start(*objects, **how):
        api = Api(*objects, **how)
        server = serving(api)
        address = server.__enter__()
        client = connect(kubeconfig=str(kubeconfig(tmp_path, address)), timeout_s=10)
        opened.append((server, client))
        return api, RevokedBindings(client, LAB, tmp_path / "kept" / "bindings.json")

    yield start
    for server, client in opened:
        client.close()
        server.__exit__(None, None, None)


def shown(api):
    """Every binding as somebody meant it."""
    return {key: json.dumps(bare(one), sort_keys=True) for key, one in api.objects.items() if "Binding" in key[0]}


def away(driver, *names):
    """Ask for these to be away; those that are, by read-back."""
    driver.apply(Artefact("bindings", encode(Bindings(names)), (LAB,)))
    return decode(driver.read(), Bindings).revoked


MINE, ALL, OTHER = binding("train", "red"), binding("ops:alice"), binding("train", "blue")


def test_a_binding_is_taken_away_and_put_back_equal(cluster, tmp_path):
    """Of a namespace and of the cluster; another of the same name elsewhere stays; only uid and version differ."""
    api, driver = cluster(MINE, ALL, OTHER)
    before = shown(api)
    assert away(driver, "ops:alice", "red/train") == ("ops:alice", "red/train")
    assert {key[1:] for key in shown(api)} == {("blue", "train")}
    assert away(driver, "red/train") == ("red/train",)
    driver.restore("")
    assert driver.read() == ""
    assert shown(api) == before
    assert api.objects["RoleBinding", "red", "train"]["metadata"].get("uid") != "uid-train"
    assert not (tmp_path / "kept" / "bindings.json").exists()


def test_asked_twice_nothing_is_deleted_twice(cluster):
    api, driver = cluster(MINE)
    away(driver, "red/train", "red/never-was")
    api.asked.clear()
    assert away(driver, "red/never-was", "red/train") == ("red/never-was", "red/train")
    assert {method for method, _, _ in api.asked} == {"GET"}


def test_protected_bindings_are_refused_and_the_others_done(cluster):
    """The cluster's own, its administrators', the fence's by name or by mark, and what is no name."""
    marked = binding("grants", "red", **{"app.kubernetes.io/managed-by": "ringfence"})
    api, driver = cluster(MINE, ALL, marked, binding("system:node"), binding("cluster-admins"))
    asked = ("red/train", "red/grants", "system:node", "cluster-admins", "ringfence-reader", "red/../x", "a/b/c", "..")
    with pytest.raises(EnforceError, match="fence's own") as refused:
        away(driver, *asked)
    assert len(refused.value.left) == len(asked) - 1
    assert set(api.objects) >= {("RoleBinding", "red", "grants"), ("ClusterRoleBinding", "", "system:node")}
    assert decode(driver.read(), Bindings).revoked == ("red/train",)


def test_one_that_comes_back_is_told_and_the_newest_is_put_back_at_last(cluster):
    """As GitOps does; an undo that finds it there leaves it there."""
    api, driver = cluster(MINE)
    away(driver, "red/train")
    newer = binding("train", "red", team="blue")
    api.put(newer, "argocd")
    assert driver.read() == ""
    assert away(driver, "red/train") == ("red/train",)
    driver.restore("")
    assert api.of("RoleBinding")["red", "train"]["metadata"]["labels"] == {"team": "blue"}
    away(driver, "red/train")
    api.put(MINE, "argocd")
    driver.restore("")
    assert api.of("RoleBinding")["red", "train"]["metadata"]["labels"] == {}


def test_what_could_not_be_put_back_is_not_taken_away(cluster):
    """The API server says to a dry run that our account must not grant it."""
    api, driver = cluster(MINE, ALL)
    api.forbidden.add(("POST", "ClusterRoleBinding"))
    with pytest.raises(EnforceError, match="could not be put back, so it stays"):
        away(driver, "ops:alice", "red/train")
    assert {key[0] for key in shown(api)} == {"ClusterRoleBinding"}


def test_a_refused_deletion_leaves_the_others_done_and_is_done_by_the_next(cluster):
    api, driver = cluster(MINE, OTHER, fail=lambda method, key: 500 if (method, key[1]) == ("DELETE", "blue") else 0)
    with pytest.raises(EnforceError, match="blue/train: 500"):
        away(driver, "blue/train", "red/train")
    assert decode(driver.read(), Bindings).revoked == ("red/train",)
    api.fail = lambda method, key: 0
    assert away(driver, "blue/train", "red/train") == ("blue/train", "red/train")


def test_killed_between_any_two_steps_it_still_leads_back(cluster, tmp_path):
    """As a request or a change of the kept file begins, in the apply and then in the undo."""
    api, driver = cluster(MINE, ALL)
    before, text = shown(api), encode(Bindings(("ops:alice", "red/train")))

    def bring_about(document):
        driver.client = connect(kubeconfig=str(tmp_path / "kubeconfig"), timeout_s=10)  # not the parent's connections
        driver.restore(document)

    at = 0
    while died(lambda: bring_about(text), Killer(STEPS, at)):
        died(lambda: bring_about(""), Killer(STEPS, at))
        driver.restore("")
        assert shown(api) == before
        at += 1
    assert at > 8
    assert decode(driver.read(), Bindings).revoked == ("ops:alice", "red/train")
