"""The label of the compartment kept to our own account: the text of the policy. No API server judges it here."""

import pytest

from ringfence.segment.compile.kubernetes import compile_kubernetes
from ringfence.segment.compile.kubernetes.cells import LABEL
from ringfence.segment.prove.pods import prove_pods
from ringfence.wire.kubernetes.documents import documents
from ringfence.wire.kubernetes.ours import ORDER, plain
from tests.segment.pod_fences import a_fence, inventory

FENCE = a_fence()
SPOKEN = compile_kubernetes(FENCE, inventory(FENCE, "validatingadmissionpolicy"))
SILENT = compile_kubernetes(FENCE, inventory(FENCE))
FOUND = documents(SPOKEN.artefacts[0].text.encode())
POLICY, BINDING = (one for one in FOUND if one["kind"].startswith("ValidatingAdmissionPolicy"))


def test_the_binding_puts_the_policy_in_force_in_every_namespace():
    """It denies, it names the policy, and nothing narrows where it holds."""
    assert BINDING["spec"] == {"policyName": POLICY["metadata"]["name"], "validationActions": ["Deny"]}
    assert {one["apiVersion"] for one in (POLICY, BINDING)} == {"admissionregistration.k8s.io/v1"}
    assert POLICY["spec"]["failurePolicy"] == "Fail"
    constraints = POLICY["spec"]["matchConstraints"]
    assert (constraints["namespaceSelector"], constraints["objectSelector"]) == ({}, {})


@pytest.mark.parametrize("way", ["pods", "pods/status", "pods/binding", "bindings"])
def test_every_way_by_which_a_label_comes_to_a_pod_is_looked_at(way):
    """Creation and update of the pod, its status, its binding to a node."""
    (rule,) = POLICY["spec"]["matchConstraints"]["resourceRules"]
    assert way in rule["resources"]
    assert rule["operations"] == ["CREATE", "UPDATE"]


def test_a_label_changes_only_for_whom_rbac_lets_set_compartments():
    """What was there before stands; an empty value is a value; nobody is let in by a name that clients choose."""
    (rule,) = POLICY["spec"]["validations"]
    kept, _, granted = rule["expression"].partition(" || ")
    assert kept == "variables.now == variables.before"
    assert granted.startswith("authorizer.group('ringfence.io').resource('compartments').")
    assert granted.endswith(".check('set').allowed()")
    assert rule["reason"] == "Forbidden"
    now, before = (one["expression"] for one in POLICY["spec"]["variables"])
    assert before == f"oldObject == null ? [] : ({now.replace('object', 'oldObject')})"
    assert f"'{LABEL}' in object.metadata.labels ? [object.metadata.labels['{LABEL}']] : []" in now
    assert "fieldManager" not in str(POLICY)


def test_it_is_there_before_any_pod_is_labelled_and_goes_last():
    """The order of putting in force, which taking away follows backwards."""
    assert ORDER[:2] == (POLICY["kind"], BINDING["kind"])
    assert FOUND[:2] == [POLICY, BINDING]
    assert [plain(one)["spec"] for one in (POLICY, BINDING)] == [POLICY["spec"], BINDING["spec"]]


def test_a_cluster_without_it_is_told_and_the_proof_is_the_same():
    """The residual stands where the cluster does not serve the kind, and only there."""
    told = [one.remedy for one in SILENT.residuals if "label of another compartment" in one.why]
    assert len(told) == 1
    assert LABEL in told[0]
    assert not [one for one in SPOKEN.residuals if "label of another compartment" in one.why]
    assert "ValidatingAdmissionPolicy" not in SILENT.artefacts[0].text
    for one in (SPOKEN, SILENT):
        known = inventory(FENCE, "validatingadmissionpolicy")
        assert prove_pods(FENCE, known, one.artefacts, one.residuals).holds
