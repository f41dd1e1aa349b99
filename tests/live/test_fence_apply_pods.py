"""`ringfence fence apply` for a Kubernetes cluster that only the site file names; its API is the contract server."""

from pathlib import Path

import pytest

pytest.importorskip("lightkube", reason="missing-part: the extra `fence` is not installed")

from ringfence.cli import run
from ringfence.estate.estate import estate_of
from ringfence.store.saved import save
from tests.collect.kubernetes_api import Api, serving
from tests.collect.kubernetes_contract import kubeconfig
from tests.live.test_kubernetes_fence import a_policy
from tests.segment.test_pod_needs import LABEL, a_pod, an_estate

PODS = (
    a_pod("research", "a-0", {LABEL: "a"}),
    a_pod("research", "b-0", {LABEL: "b"}),
    a_pod("kube-system", "coredns-0", {"k8s-app": "kube-dns"}, port=53),
)


def command(folder: Path, verb: str, *more: str) -> int:
    files = {"--estate": "cluster.estate", "--site": "fence.toml", "--state": "state"}
    return run(["fence", verb, *more, *(word for name, file in files.items() for word in (name, str(folder / file)))])


@pytest.fixture
def api(tmp_path):
    """A cluster without MultiNetworkPolicy, an estate that knows nothing of what it speaks, a site that names it."""
    facts = [one for one in an_estate(*PODS).facts() if one.predicate != "enforced_by"]
    save(estate_of(facts), tmp_path / "cluster.estate")
    api = Api(*PODS, lacks=("MultiNetworkPolicy",))
    with serving(api) as address:
        config = kubeconfig(tmp_path, address)
        site = f'[[enforcer]]\ntarget = "kubernetes"\nwhere = "cluster:lab"\nkubeconfig = "{config}"\n'
        (tmp_path / "fence.toml").write_text(site)
        yield api


def test_a_cluster_that_the_site_names_is_fenced_in_the_kinds_that_it_speaks(tmp_path, api):
    """Nothing without --apply; then the newest admin tier, the reserved label, no drift; undo leaves nothing."""
    assert command(tmp_path, "apply") == 0
    assert not api.of("NetworkPolicy")
    assert command(tmp_path, "apply", "--apply") == 0
    assert api.of("NetworkPolicy")
    assert api.of("ClusterNetworkPolicy")
    assert not api.of("AdminNetworkPolicy")
    assert api.of("ValidatingAdmissionPolicyBinding")
    assert command(tmp_path, "drift") == 0
    assert command(tmp_path, "undo", "--apply") == 0
    assert {one[0] for one in api.objects} == {"Pod"}


def test_what_others_keep_in_the_cluster_is_part_of_the_proof(tmp_path, api, capsys):
    """A NetworkPolicy of the namespace's owner that opens it: told with its witness, and nothing is changed."""
    api.put(a_policy("research", "their-own"), "somebody")
    assert command(tmp_path, "apply", "--apply") != 0
    assert "the proof of kubernetes does not hold" in capsys.readouterr().err
    assert list(api.of("NetworkPolicy")) == [("research", "their-own")]
    api.remove("NetworkPolicy", "research", "their-own")
    assert command(tmp_path, "apply", "--apply") == 0
    api.put(a_policy("research", "their-own"), "somebody")
    assert command(tmp_path, "drift") == 1


def test_without_the_grant_our_label_is_not_reserved(tmp_path, api):
    """An admission policy that would hold ourselves back is not written; the fence is, and its label is set."""
    api.grants.clear()
    assert command(tmp_path, "apply", "--apply") == 0
    assert api.of("NetworkPolicy")
    assert not api.of("ValidatingAdmissionPolicy")
    assert "ringfence.io/compartment" in api.of("Pod")["research", "a-0"]["metadata"]["labels"]
