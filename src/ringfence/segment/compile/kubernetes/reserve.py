"""The label of the compartment kept to those whom the cluster's RBAC lets set it (ValidatingAdmissionPolicy, v1).

Whoever may write pods can otherwise give one the label of a neighbour's compartment. The policy asks the API server's
own authoriser whether the caller may `set` `compartments` in the group `ringfence.io` (Kubernetes documentation, "CEL
in Kubernetes", authorizer library), so it holds no account's name: one ClusterRole grants that to our account. A field
manager's name would prove nothing, since every client chooses its own.

A label comes to a pod by its creation, by an update, by its status, and with a binding to its node; each is looked at.
A label that stays as it was concerns nobody. What the API server would fill in is written out, so that what is read
back equals what was written.
"""

from collections.abc import Iterator

from ringfence.segment.compile.kubernetes.cells import LABEL, Json
from ringfence.segment.compile.kubernetes.rules import manifest

VERSION = "admissionregistration.k8s.io/v1"
TARGET = "validatingadmissionpolicy"
"""What `inventory.enforcers` calls it."""
NAME = "ringfence-compartment"
_HELD = (
    "has({0}.metadata) && has({0}.metadata.labels) && '{1}' in {0}.metadata.labels ? [{0}.metadata.labels['{1}']] : []"
)
_NOW, _BEFORE = _HELD.format("object", LABEL), _HELD.format("oldObject", LABEL)
_MAY = "authorizer.group('ringfence.io').resource('compartments').namespace(request.namespace).check('set').allowed()"


def policies() -> Iterator[Json]:
    """The policy, and the binding that puts it in force everywhere."""
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "namespaceSelector": {},
            "objectSelector": {},
            "resourceRules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["pods", "pods/status", "pods/binding", "bindings"],
                    "scope": "*",
                }
            ],
        },
        "variables": [
            {"name": "now", "expression": _NOW},
            {"name": "before", "expression": f"oldObject == null ? [] : ({_BEFORE})"},
        ],
        "validations": [
            {
                "expression": f"variables.now == variables.before || {_MAY}",
                "message": f"the label {LABEL} is set by Ringfence alone",
                "reason": "Forbidden",
            }
        ],
    }
    yield manifest(VERSION, "ValidatingAdmissionPolicy", NAME, spec)
    binding = {"policyName": NAME, "validationActions": ["Deny"]}
    yield manifest(VERSION, "ValidatingAdmissionPolicyBinding", NAME, binding)
