"""What Kubernetes objects say as facts: defaults, RBAC as the authoriser reads it, nodes, networks, operators."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.analyse.derive import derive
from ringfence.analyse.moves import MOVES
from ringfence.analyse.positions import text
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.captures import recognise as claimed
from ringfence.collect.kubernetes import collect, hostpaths, recognise
from ringfence.collect.kubernetes.permissions import given as granted
from ringfence.collect.kubernetes.privileges import host_path, normal
from ringfence.errors import Problem
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import PREDICATES, kind_of
from ringfence.wire.kubernetes.shapes import PolicyRule
from tests.shared_data import shared

TEAM = (Path(__file__).parents[1] / "fixtures" / "kubernetes" / "team.yaml").read_bytes()
RBAC = "rbac.authorization.k8s.io"


def facts_of(*files):
    captured = [CapturedFile(f"kubernetes/{number}.yaml", data) for number, data in enumerate(files)]
    found = list(collect("", captured, Scope(cluster="lab")))
    assert not [one for one in found if isinstance(one, Problem)]
    return [one for one in found if isinstance(one, Fact)]


def say(facts, predicate, *, of=""):
    return {(one.subject, one.object) for one in facts if one.predicate == predicate and of in one.subject}


def objects(*many):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": many}).encode()


def pod(name="p", ns="research", containers=({"name": "main"},), **spec):
    about = {"name": name, "namespace": ns}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": {"containers": list(containers), **spec}}


def role(rules, kind="Role", name="r"):
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "research"},
        "rules": rules,
    }


def binding(to, kind="RoleBinding", ref="Role", name="r", subject="ServiceAccount"):
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": {"name": f"{name}-{kind}", "namespace": "research"},
        "roleRef": {"kind": ref, "name": name, "apiGroup": RBAC},
        "subjects": [{"kind": subject, "name": to, "namespace": "research"}],
    }


def moves_of(*many):
    estate = estate_of(facts_of(objects(*many)))
    edges = derive(estate, MOVES)
    return {
        (MOVES[edges.move[at]].id, text(estate, int(edges.start[at, 0])), text(estate, int(edges.to[at])))
        for at in range(len(edges))
    }


def test_every_fact_uses_the_vocabulary():
    """Predicates exist, and both sides are of the kinds that they allow."""
    for fact in facts_of(TEAM):
        row = PREDICATES[fact.predicate]
        assert row.subject == ("any",) or kind_of(fact.subject) in row.subject, fact
        assert row.object in (("any",), ("value",)) or kind_of(fact.object) in row.object, fact
        assert fact.source


def test_a_user_other_than_root_gets_no_added_capability():
    """runAsUser 1000 with SYS_ADMIN added: the capability is not effective."""
    facts = facts_of(TEAM)
    assert not say(facts, "runs_with", of="notebook")
    assert say(facts, "runs_with", of="pretrain") == {
        ("container:lab/research/pytorchjob:pretrain.Worker/pytorch", "root")
    }


def test_a_user_namespace_takes_the_hosts_capabilities_away():
    """hostUsers: false: root in the container only."""
    privileged = {"name": "main", "securityContext": {"privileged": True}}
    with_host = say(facts_of(objects(pod(containers=[privileged]))), "runs_with")
    without = say(facts_of(objects(pod(containers=[privileged], hostUsers=False))), "runs_with")
    assert {what for _, what in without} == {"root"}
    assert {"privileged", "cap:SYS_ADMIN"} <= {what for _, what in with_host}


def test_an_account_that_mounts_no_token_gives_none_unless_the_pod_asks():
    """automountServiceAccountToken on the account, overridden by the pod."""
    facts = facts_of(TEAM)
    assert say(facts, "runs_as", of="container:lab/research/deployment:notebook") == set()
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "research"}}
    quiet = account | {"automountServiceAccountToken": False}
    assert not say(facts_of(objects(quiet, pod())), "runs_as", of="container:")
    assert say(facts_of(objects(quiet, pod(automountServiceAccountToken=True))), "runs_as", of="container:")


def test_a_workload_without_a_node_lands_on_what_its_selector_admits():
    """One H100 node: that one, assumed. Any node: a stand-in for both."""
    facts = facts_of(TEAM)
    assert say(facts, "runs_on", of="pod:lab/research/deployment:notebook") == {
        ("pod:lab/research/deployment:notebook", "host:gpu0001")
    }
    assert say(facts, "stands_for") == {("host:lab/some-node", "host:gpu0001"), ("host:lab/some-node", "host:cp1")}


def test_without_any_node_one_is_assumed_and_said_to_be():
    """A manifest alone: some node of the cluster, a hole in the coverage."""
    facts = facts_of(objects(pod()))
    on = [fact for fact in facts if fact.predicate == "runs_on"]
    assert {fact.object for fact in on} == {"host:lab/some-node"}
    assert all(fact.attributes["assumed"] for fact in on)
    nodes = [fact for fact in facts if (fact.predicate, fact.object) == ("asked", "kubernetes-nodes")]
    assert [fact.attributes["answered"] for fact in nodes] == [False]


def test_a_template_whose_pods_were_captured_is_not_drawn_twice():
    """Deployment → ReplicaSet → Pod: the pod stands for itself."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "research"},
        "spec": {"template": {"spec": {"containers": [{"name": "main"}]}}},
    }
    replicas = deployment | {
        "kind": "ReplicaSet",
        "metadata": {
            "name": "web-1",
            "namespace": "research",
            "ownerReferences": [{"kind": "Deployment", "name": "web"}],
        },
    }
    running = pod("web-1-x")
    running["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web-1"}]
    assert len(say(facts_of(objects(deployment, replicas)), "in_namespace", of="pod:")) == 1
    facts = facts_of(objects(deployment, replicas, running))
    assert say(facts, "in_namespace", of="pod:") == {("pod:lab/research/web-1-x", "namespace:lab/research")}


def test_aggregated_and_wildcard_subresource_rules_are_honoured():
    """all-parts gathers part-exec, whose */exec covers pods/exec and not nodes/proxy."""
    facts = facts_of(TEAM)
    entity = "role:lab/research/ClusterRole/all-parts"
    assert say(facts, "permits", of=entity) == {(entity, "create pods/exec")}
    holders = {subject for subject, _ in say(facts, "holds_role")}
    assert holders == {"identity:lab/group:system:serviceaccounts:research", "identity:lab/alice@example.org"}
    assert (
        "identity:lab/system:serviceaccount:research:quiet",
        "identity:lab/group:system:serviceaccounts:research",
    ) in say(facts, "member_of")


@pytest.mark.parametrize(
    ("rule", "everywhere", "texts"),
    [
        (PolicyRule(verbs=("*",), api_groups=("*",), resources=("pods/*",)), False, set()),
        (PolicyRule(verbs=("create",), api_groups=("apps",), resources=("pods",)), False, set()),
        (PolicyRule(verbs=("create",), api_groups=("",), resources=("pods",)), False, {"create pods"}),
        (PolicyRule(verbs=("patch",), api_groups=("apps",), resources=("daemonsets",)), False, {"create pods"}),
        (PolicyRule(verbs=("create",), api_groups=("",), resources=("pods",), resource_names=("x",)), False, set()),
        (PolicyRule(verbs=("get",), api_groups=("",), resources=("nodes/log",)), False, set()),
        (PolicyRule(verbs=("get",), api_groups=("",), resources=("nodes/log",)), True, {"get nodes/log"}),
        (PolicyRule(verbs=("*",), non_resource_urls=("*",)), True, set()),
        (PolicyRule(verbs=("list",), api_groups=("*",), resources=("*",)), False, {"list secrets"}),
        (PolicyRule(verbs=("impersonate",), api_groups=("",), resources=("users",)), False, set()),
    ],
)
def test_rules_are_matched_as_the_authoriser_does(rule, everywhere, texts):
    """Groups, subresources, names, cluster-wide resources and plain URLs."""
    assert {one.text for one in granted([rule], everywhere) if not one.names} == texts


def test_a_name_limits_a_grant_to_that_thing():
    """get on one secret, exec into one pod: that one, and no more."""
    rules = [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["pull-key"]},
        {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"], "resourceNames": ["p"]},
    ]
    moves = moves_of(pod(), pod("other"), role(rules), binding("pipeline"))
    holder = "role:lab/research/Role/r#use"
    assert {row[1:] for row in moves if row[0] in ("RF-M018", "RF-M024") and row[1] == holder} == {
        (holder, "pod:lab/research/p#code"),
        (holder, "credential:kubernetes/lab/research/pull-key#use"),
    }
    assert not [row for row in moves if row[0] == "RF-M022"]


def test_two_roles_of_one_identity_count_together_and_of_two_do_not():
    """Writing bindings by one role, bind by another: the API server authorises the union."""
    create = role(
        [{"apiGroups": [RBAC], "resources": ["clusterrolebindings"], "verbs": ["create"]}], "ClusterRole", "a"
    )
    bind = role([{"apiGroups": [RBAC], "resources": ["clusterroles"], "verbs": ["bind"]}], "ClusterRole", "b")
    one = [binding("x", "ClusterRoleBinding", "ClusterRole", name) for name in ("a", "b")]
    two = [one[0], binding("y", "ClusterRoleBinding", "ClusterRole", "b")]
    assert [row for row in moves_of(create, bind, *one) if row[0] == "RF-M020"]
    assert not [row for row in moves_of(create, bind, *two) if row[0] == "RF-M020"]


def test_a_role_bound_in_a_namespace_gives_nothing_outside_it():
    """cluster-admin by a RoleBinding administers the namespace."""
    moves = moves_of(pod(), binding("x", ref="ClusterRole", name="cluster-admin"))
    assert ("RF-M015", "role:lab/research/ClusterRole/cluster-admin#use", "namespace:lab/research#admin") in moves
    assert not [row for row in moves if row[2] == "cluster:lab#admin"]


def test_pod_security_stops_privileged_pods_and_not_the_account():
    """Where baseline is enforced, creating pods gives the namespace's accounts and no node."""
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}]
    fence = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "research", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}},
    }
    open_ = {row[2] for row in moves_of(pod(), role(rules), binding("x")) if row[0] == "RF-M017"}
    fenced = {row[2] for row in moves_of(fence, pod(), role(rules), binding("x")) if row[0] == "RF-M017"}
    assert "host:lab/some-node#root" in open_
    assert fenced == {
        "namespace:lab/research#submit",
        "identity:lab/system:serviceaccount:research:default#use",
        "identity:lab/system:serviceaccount:research:x#use",
    }


def test_volumes_secrets_networks_queues_and_operators_are_said():
    """The rest of the fixture, one line each."""
    facts = facts_of(TEAM)
    notebook = "container:lab/research/deployment:notebook/main"
    assert (notebook, "storage:nfs1.example:/export/corpus") in say(facts, "shares_volume")
    assert (notebook, "storage:nfs1.example:/export/home") in say(facts, "shares_volume")
    assert (notebook, "nvidia.com/gpu=1") in say(facts, "setting")
    assert ("namespace:lab/research", "credential:kubernetes/lab/research/pull-key") in say(facts, "stores_credential")
    attached = {network for _, network in say(facts, "attached_to", of="pod:lab/research/deployment:notebook")}
    assert attached == {
        "network:kubernetes/lab/pods",
        "network:kubernetes/lab/fabric/ib-a",
        "network:kubernetes/lab/research/ib-b",
    }
    assert ("network:kubernetes/lab/fabric/ib-a", "cni-pkey=0x8001") in say(facts, "setting")
    assert not say(facts, "listens_on", of="service:lab/research"), "the policy lets nobody in"
    assert ("cluster:lab", "package:nvidia-container-toolkit") in say(facts, "runs_software")
    assert ("cluster:lab", "gpu-operator.cdi.enabled=false") in say(facts, "setting")
    assert ("host:cp1", "cluster:lab") in say(facts, "controls")
    assert ("partition:lab/research/research", "clusterQueue=gpus") in say(facts, "setting")
    assert {channel for _, channel in say(facts, "uses_imex")} == {"imex:lab/research/rack7"}
    assert ("cluster:lab", "kubernetes ConfigMap") in say(facts, "asked")


@pytest.mark.parametrize(
    ("path", "writable", "holds"),
    [
        ("/", False, {"identity", "secrets", "socket", "pods", "kernel"}),
        ("/var/run/containerd", True, {"code", "secrets", "socket"}),
        ("/var/run/containerd/containerd.sock", True, {"socket"}),
        ("/var/log/../lib/kubelet", True, {"code", "identity", "pods", "secrets"}),
        ("/home", True, {"homes", "secrets"}),
        ("/var/log", True, {"logs"}),
        ("/var/log", False, set()),
        ("/variable", True, set()),
        ("/data/etc", True, set()),
        ("/etc", False, {"identity", "secrets"}),
        ("/etc/ssh", False, {"secrets"}),
        ("/etc/cni/net.d", True, {"code"}),
        ("/root/.ssh/id_ed25519", False, {"secrets"}),
        ("/home/alice/.ssh/authorized_keys", True, {"homes"}),
        ("/var/lib/etcd/member", False, {"etcd", "secrets"}),
        ("/sys", True, {"code"}),
        ("/sys", False, set()),
        ("/proc", True, {"kernel", "secrets"}),
        ("/proc/sys", False, set()),
        ("/var/lib/kubelet/plugins", True, {"code"}),
        ("/usr/lib", True, {"code"}),
    ],
)
def test_what_a_mounted_folder_holds(path, writable, holds):
    """By whole path parts, `..` and /var/run resolved."""
    assert set(host_path(path, writable)) == holds
    assert normal("/var/run/x") == "/run/x"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/localtime", "/etc/machine-id", "/etc/os-release", "/etc/hosts", "/etc/resolv.conf", "/etc/ssl/certs",
        "/usr/share/misc/pci.ids", "/var/lib/kubelet/device-plugins", "/var/lib/kubelet/plugins/one.driver",
        "/etc/kubernetes/pki/ca.crt", "/root/.ssh/known_hosts", "/home/alice/data", "/usr/lib/os-release",
        "/var/lib/rancher/k3s/storage/pvc-1", "/lib/firmware/x", "/dev", "/srv", "/data",
    ],
)  # fmt: skip
def test_a_harmless_file_or_folder_gives_nothing_even_writable(path):
    """No secret to read, nothing that root obeys."""
    mounts = [{"name": "h", "mountPath": "/host"}]
    spec = pod(
        containers=[{"name": "main", "volumeMounts": mounts}], volumes=[{"name": "h", "hostPath": {"path": path}}]
    )
    assert host_path(path, True) == {}
    assert not [row for row in moves_of(spec) if row[0] in ("RF-M010", "RF-M011", "RF-M012")]


def test_the_folder_of_etcd_holds_every_secret_of_the_cluster():
    """Read-only is enough; its parent, which every node has, is not."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "other"}}
    for path, leads in (("/var/lib/etcd", True), ("/var/lib", False)):
        mounts = [{"name": "h", "mountPath": "/host", "readOnly": True}]
        volumes = [{"name": "h", "hostPath": {"path": path}}]
        rows = moves_of(secret, pod(containers=[{"name": "main", "volumeMounts": mounts}], volumes=volumes))
        held = reached(rows, "container:lab/research/p/main#code")
        assert ("credential:kubernetes/lab/other/key#use" in held) is leads


def test_every_row_of_the_table_of_host_paths_holds_by_itself():
    """Absolute, told apart, with a reason, and met by its own path."""
    for rows in (hostpaths.SECRETS, hostpaths.CODE, hostpaths.HOMES, hostpaths.IDENTITY, hostpaths.SOCKETS):
        assert len({path for path, _ in rows}) == len(rows)
        for path, reason in rows:
            assert path.startswith("/")
            assert len(reason) > 4
            assert hostpaths.gives(path.rstrip("/"), rows)


def test_a_manifest_that_names_its_node_still_gets_its_token():
    """A dumped pod has a uid or a phase and shows its token; nodeName alone makes no dump."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    for given_ in ([pod(nodeName="n1")], [node, pod(nodeName="n1")]):
        assert {"RF-M013", "RF-M024", "RF-M026", "RF-M101"} <= {row[0] for row in moves_of(*given_)}
    assert "RF-M013" in {row[0] for row in moves_of(pod() | {"status": {}})}
    assert "RF-M013" not in {row[0] for row in moves_of(pod(nodeName="n1") | {"status": {"phase": "Running"}})}


@pytest.mark.parametrize(
    ("capability", "row"),
    [
        ("SYS_ADMIN", ("RF-M005", "host:lab/some-node#root")),
        ("DAC_READ_SEARCH", ("RF-M010", "host:lab/some-node#read")),
        ("CAP_DAC_READ_SEARCH", ("RF-M010", "identity:lab/system:node:some-node#use")),
    ],
)
def test_added_capabilities_that_reach_the_host_count_alone(capability, row):
    """Root with it leads to the host; without root, or with a user namespace, it does not."""
    added = [{"name": "main", "securityContext": {"capabilities": {"add": [capability]}}}]
    start = "container:lab/research/p/main#code"
    assert (row[0], start, row[1]) in moves_of(pod(containers=added))
    for held in (pod(containers=added, hostUsers=False), pod(containers=added, securityContext={"runAsUser": 1000})):
        assert (row[0], start, row[1]) not in moves_of(held)


@pytest.mark.parametrize(("kind", "name"), [("Group", "system:unauthenticated"), ("User", "system:anonymous")])
def test_what_is_bound_to_callers_without_a_credential_is_everybodys(kind, name):
    """Cluster-admin for the anonymous: every container, tokens or none, and whoever connects to the API has it."""
    api = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"}}
    bound = binding(name, kind="ClusterRoleBinding", ref="ClusterRole", name="cluster-admin", subject=kind)
    rows = moves_of(pod(automountServiceAccountToken=False), api | {"spec": {"ports": [{"port": 443}]}}, bound)
    anonymous = "identity:lab/system:anonymous#use"
    assert {start for move, start, to in rows if (move, to) == ("RF-M013", anonymous)} == {
        "container:lab/research/p/main#code",
        "host:lab/some-node#user",
        "service:lab/default/kubernetes:443#connect",
    }
    assert "cluster:lab#admin" in reached(rows, "container:lab/research/p/main#code")
    assert "cluster:lab#admin" in reached(rows, "network:kubernetes/lab/pods#send")


def test_the_harmless_roles_that_every_cluster_binds_to_the_anonymous_are_no_way_in():
    """system:public-info-viewer: addresses without resources."""
    rules = [{"nonResourceURLs": ["/healthz", "/version"], "verbs": ["get"]}]
    viewer = role(rules, kind="ClusterRole", name="viewer")
    bound = binding("system:unauthenticated", "ClusterRoleBinding", "ClusterRole", "viewer", "Group")
    rows = moves_of(pod(), viewer, bound)
    assert not [row for row in rows if row[2] == "identity:lab/system:anonymous#use"]


def reached(rows, start):
    """Everything that single steps lead to."""
    held, waiting = {start}, [start]
    while waiting:
        at = waiting.pop()
        new = {to for _, one, to in rows if one == at} - held
        held |= new
        waiting += new
    return held


def test_a_service_without_a_selector_leads_to_the_pods_of_its_endpoints():
    """Endpoints written by hand name the pod."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "research"}}
    endpoints = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "s", "namespace": "research"},
        "subsets": [{"addresses": [{"targetRef": {"kind": "Pod", "name": "p"}}], "ports": [{"port": 80}]}],
    }
    facts = facts_of(objects(pod(), service | {"spec": {"ports": [{"port": 80}]}}, endpoints))
    assert ("service:lab/research/s:80", "container:lab/research/p/main") in say(facts, "selects")


def test_files_of_others_are_left_alone():
    """JSON with neither apiVersion nor kind, YAML of another tool."""
    assert not recognise("x.json", b'{"jobs": [], "meta": {}}')
    assert not recognise("x.yaml", b"version: 3\nservices:\n  kind: a\n")
    assert recognise("x.txt", TEAM[:8192])
    assert claimed(CapturedFile("x.yaml", TEAM)) is not None


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_no_capture_makes_the_collector_fail(data):
    """Mutated manifests: facts or problems, whatever they say."""
    sample = data.draw(st.sampled_from([TEAM, shared("kubehound/ROLE_BIND_CRB_CR.yaml").read_bytes()]))
    start = data.draw(st.integers(0, len(sample)))
    changed = sample[:start] + data.draw(st.binary(max_size=8)) + sample[start + data.draw(st.integers(0, 40)) :]
    with contextlib.suppress(StopIteration):
        found = list(collect("", [CapturedFile("k/x.yaml", changed)], Scope(cluster="lab")))
        estate_of(one for one in found if isinstance(one, Fact))


def test_every_public_manifest_is_read_whole():
    """Manifests and dumps of 140 folders by other people: only the one broken on purpose is a problem."""
    folder = shared("netpol/tests")
    broken, read = set(), 0
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml", ".json")):
        file = CapturedFile(f"kubernetes/{path.name}", path.read_bytes())
        if recognise(file.path, file.head):
            read += 1
            broken |= {path.stem for one in collect("", [file], Scope(cluster="c")) if isinstance(one, Problem)}
    assert read > 350
    assert broken == {"document_with_syntax_error"}


def test_a_namespace_has_no_policy_only_where_all_policies_were_asked_for():
    """A folder of manifests proves nothing; the answer to our own question does."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research"}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"}}
    manifest = facts_of(objects(namespace, pod()))
    assert not any(said.startswith("network-policy=") for _, said in say(manifest, "setting"))
    assert ("pod:lab/research/p", "kubernetes-pods") in say(manifest, "asked")
    answers = [
        CapturedFile("clusters/lab/kubernetes/namespaces.json", objects(namespace)),
        CapturedFile("clusters/lab/kubernetes/network.json", objects(service)),
    ]
    captured = [one for one in collect("", answers, Scope(cluster="lab")) if isinstance(one, Fact)]
    assert ("namespace:lab/research", "network-policy=none") in say(captured, "setting")
    assert ("namespace:lab/research", "kubernetes-policies") in say(captured, "asked")
