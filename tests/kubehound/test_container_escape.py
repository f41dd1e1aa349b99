"""The check of ways out of containers against the weak manifests: what each class is called, and no false alarm."""

import pytest

from ringfence.app.survey import survey_files
from ringfence.assess.check import Verdict
from ringfence.assess.checks.container_escape import CHECK
from ringfence.assess.judge import judge_one, results
from ringfence.collect.base import CapturedFile, Scope
from tests.shared_data import shared

CONTAINERS = {
    "CE_MODULE_LOAD": ("CE_MODULE_LOAD", "modload-pod"),
    "CE_NSENTER": ("CE_NSENTER", "nsenter-pod"),
    "CE_PRIV_MOUNT": ("CE_PRIV_MOUNT", "priv-pod"),
    "CE_VAR_LOG_SYMLINK": ("CE_VAR_LOG_SYMLINK", "varlog-pod"),
    "EXPLOIT_HOST_WRITE": ("EXPLOIT_HOST_WRITE", "host-write-exploit-pod"),
    "SHARE_PS_NAMESPACE": ("SHARE_PS_NAMESPACE", "sharedps-pod1"),
}


def judged(name):
    """Verdict and reason per container of one manifest."""
    data = (shared("kubehound") / f"{name}.yaml").read_bytes()
    estate = survey_files([CapturedFile("manifest.yaml", data)], Scope(cluster="lab")).estate
    return list(results(estate, judge_one(estate, CHECK)))


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_the_way_out_of_the_manifest_is_named(name):
    """The class that the manifest is about is among the reasons, for its own pod."""
    edge, pod = CONTAINERS[name]
    failed = [one for one in judged(name) if one.verdict is Verdict.FAILED and f"/{pod}/" in one.subject]
    assert failed
    assert all(edge in one.reason for one in failed)


@pytest.mark.parametrize("name", ["CONTROL_POD", "TOKEN_LIST", "POD_EXEC", "ROLE_BIND_CRB_CR"])
def test_other_weaknesses_are_not_called_a_way_out(name):
    """Manifests about roles and accounts: their containers pass, all of their specifications having been read."""
    assert {one.verdict for one in judged(name)} == {Verdict.PASSED}
