"""`ringfence fence follow-pods` as a process: pods come, their policies, their node's order, the pod gate lets them in.

Real: the command, the order server, a node's enforcer, the signed orders, the pod gate. The API server is the contract
server: no admission, no network plugin and no kubelet stand behind it.
"""

import json

import pytest

pytest.importorskip("lightkube", reason="missing-part: the extra `fence` is not installed")

from ringfence.app.follow.orders import Orders
from ringfence.app.follow.pods import PodStanding, the_cluster
from ringfence.app.follow.pods_run import Telling
from ringfence.app.follow_pods import Pod, Turn
from ringfence.app.pod_gate import number_of
from ringfence.collect.base import Scope
from ringfence.errors import UsageError
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import save
from ringfence.wire.kubernetes.ours import LABEL, Drift, by_key
from tests.collect.kubernetes_api import Api, serving
from tests.collect.kubernetes_contract import kubeconfig
from tests.live.test_enforcer import Fence, fence, process, until  # noqa: F401  (a fixture)
from tests.live.test_pod_gate import configured, run
from tests.segment.test_pod_needs import LABEL as RUN
from tests.segment.test_pod_needs import a_pod, a_service, an_estate

UID = "8f4c2a80-1111-4222-8333-944455556666"
PLATFORM = a_pod("kube-system", "coredns-0", {"k8s-app": "kube-dns"}, port=53, nodeName="gpu0002")


def running(name, run, uid, node="gpu0001"):
    """A pod of one run, scheduled to a node."""
    pod = a_pod("research", name, {RUN: run}, nodeName=node)
    pod["metadata"]["uid"] = uid
    return pod


def followed(fence, address, *more):  # noqa: F811
    """The command's argument vector; the estate knows a pod that has ended, and what it read."""
    file = fence.folder / "now.estate"
    save(an_estate(PLATFORM, running("gone", "old", "uid-gone")), file)
    config = str(kubeconfig(fence.folder, address))
    where = ("--estate", str(file), "--kubeconfig", config)
    return ("-m", "ringfence", "fence", "follow-pods", str(fence.home.folder), *where, *more)


def test_a_pod_gets_its_policies_its_label_and_its_node_s_leave(fence):  # noqa: F811
    """A pod that comes while the follower runs: held by the gate, then in force; the one that has gone is forgotten."""
    fence.join("gpu0001")
    folder = fence.folder / "gpu0001"
    settings, listed = folder / "settings.toml", folder / "admitted"
    settings.write_text(settings.read_text() + f'[[enforcer]]\ntarget = "pods"\npath = "{listed}"\n')
    log = fence.start("gpu0001", real=True) and fence.folder / "follow.log"
    gate = configured(folder, socket=str(folder / "hooks.sock"), deadline=0.2)
    api = Api(PLATFORM, running("a-0", "a", "uid-a-0"))
    with serving(api) as address, process(*followed(fence, address, "--apply"), log=log):
        until(lambda: listed.exists() and "uid-a-0" in listed.read_text(), "the first pod", log)
        assert run("ADD", gate, uid=UID)[1]["code"] == 11
        api.put(running("a-1", "a", UID))
        until(lambda: UID in listed.read_text(), "the second pod", log)
        assert run("ADD", gate, uid=UID, pod="a-1")[0] == 0
        labels = {one["metadata"]["labels"].get(LABEL) for one in api.of("Pod").values() if "a-" in str(one)}
        assert len(labels - {None}) == 1
        assert api.of("ValidatingAdmissionPolicy")
        api.remove("Pod", "research", "a-0")
        api.remove("Pod", "research", "a-1")
        until(lambda: UID not in listed.read_text(), "an empty list", log)
        assert "gone" not in json.dumps([*api.of("Pod").values()])
    assert "error" not in log.read_text()


def test_without_apply_nothing_is_changed_and_no_node_is_told(fence):  # noqa: F811
    """It says what it would do; every request that would change something is a dry run."""
    log = fence.folder / "follow.log"
    api = Api(PLATFORM, running("a-0", "a", "uid-a-0"))
    with serving(api) as address, process(*followed(fence, address), log=log):
        until(lambda: "would be put right" in log.read_text(), "the first turn", log)
    changes = [query for method, key, query in api.asked if method != "GET"]
    assert changes
    assert {query.get("dryRun") for query in changes} == {"All"}
    assert not api.of("NetworkPolicy")
    assert not (fence.home.folder / ".follow-pods.lock").exists()


def pods_of(*shown):
    """What the follower hands on."""
    return {
        ("Pod", one["metadata"]["namespace"], one["metadata"]["name"]): Pod(
            one["metadata"]["namespace"], one["metadata"]["name"], one["metadata"].get("uid", ""),
            one["spec"]["nodeName"], one["metadata"]["labels"], one,
        )
        for one in shown
    }  # fmt: skip


def test_the_fence_is_that_of_an_estate_with_the_pods_that_are_there():
    """Pods and services of the API in the place of those that the estate knew; its other clusters play no part."""
    web = a_pod("research", "web-1", {"app": "web"}, port=8080, nodeName="gpu0001")
    service = a_service("research", "web", {"app": "web"}, 80, 8080)
    now = [PLATFORM, running("a-0", "a", "1"), running("b-0", "b", "2"), web]
    other = Fact("pod:else/x/p", "in_namespace", "namespace:else/x")
    old = an_estate(PLATFORM, running("gone", "old", "0"), running("a-0", "a", "1")).with_delta([other])
    anew = an_estate(service, *now)
    found, meant = (
        PodStanding(estate, "cluster:lab", ("kubernetes",), lambda: [service])(pods_of(*now)) for estate in (old, anew)
    )
    assert by_key(found.text) == by_key(meant.text)
    assert ("Pod", "research", "web-1") in by_key(found.text)
    assert "8080" in found.text
    assert "gone" not in found.text


def test_the_same_pods_are_not_derived_again():
    """Our own label, seen back by the watch, is no reason to look at everything anew."""
    asked = []
    standing = PodStanding(an_estate(PLATFORM), "cluster:lab", ("kubernetes",), lambda: asked.append(1) or [])
    pod = running("a-0", "a", "1")
    first = standing(pods_of(PLATFORM, pod))
    pod["metadata"]["labels"][LABEL] = "a-value"
    assert standing(pods_of(PLATFORM, pod)) is first
    standing(pods_of(PLATFORM, pod, running("a-1", "a", "2")))
    assert len(asked) == 2


def test_the_cluster_is_named_where_it_is_not_clear():
    """One cluster needs no name; of two, or of none, one does."""
    one = an_estate(PLATFORM)
    two = one.with_delta([Fact("namespace:else/x", "in_cluster", "cluster:else")])
    assert the_cluster(one, "") == "cluster:lab"
    assert the_cluster(two, "else") == "cluster:else"
    for estate, name in ((two, ""), (estate_of([]), ""), (one, "nowhere")):
        with pytest.raises(UsageError, match="cluster"):
            the_cluster(estate, name)


def test_nobody_is_sent_away_while_a_policy_is_missing_and_an_empty_node_is_told():
    """A turn that found drift in a policy changes no list; one without a pod empties the list of its node."""
    sent = []

    def give(hosts, target, action, text, **more):
        sent.append((tuple(hosts), target, action, more["covers"]))
        return ()

    telling = Telling(Scope("lab", "east"), Orders(give), lambda _: None)
    pod = Pod("research", "a-0", UID, "gpu0001", {LABEL: "a"})
    none = Drift((), (), ())
    telling(Turn(none, {"gpu0001": (pod,)}))
    telling(Turn(Drift((("NetworkPolicy", "research", "a"),), (), ()), {}))
    telling(Turn(none, {}, "the API does not answer"))
    telling.close()
    host = Scope("lab", "east").host("gpu0001")
    assert sent == [((host,), "pods", "apply", (number_of(UID),))]
    telling = Telling(Scope("lab", "east"), None, sent.append)
    telling(Turn(none, {"gpu0001": (pod,)}))
    telling(Turn(none, {}))
    telling.close()
    assert sent[1:] == [f"{host} would be told of {n} admitted pods" for n in (1, 0)]
