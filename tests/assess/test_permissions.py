"""However a platform spells a wildcard, checks of roles see it, beside whatever is named."""

import re

import pytest

from ringfence.assess.check import Check, Verdict
from ringfence.assess.checks import secrets_readable, wildcard_role
from ringfence.assess.judge import judge_one
from ringfence.assess.permissions import EVERYTHING, NAMED, UNNAMED
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact

ROLE = "role:c/ops"
KNOWN = [
    Fact(ROLE, "scoped_to", "cluster:c"),
    Fact(ROLE, "asked", "kubernetes-rbac", {"answered": True, "complete": True}),
    Fact(ROLE, "permits", "get pods/log"),
]


def verdict(check: Check, permitted: str) -> Verdict:
    estate = estate_of([*KNOWN, Fact(ROLE, "permits", permitted)])
    judged = judge_one(estate, check)
    return next(state for state, count in judged.counts().items() if count)


@pytest.mark.parametrize("spelled", ["*", "*:*", "* *", "*:* *", "*/*"])
def test_everything_is_everything(spelled: str) -> None:
    assert verdict(wildcard_role.CHECK, spelled) is Verdict.FAILED
    assert verdict(wildcard_role.CHECK, "get pods") is Verdict.PASSED


@pytest.mark.parametrize("spelled", ["* secrets", "get *", "* *", "*:*", "list secrets", "watch secrets"])
def test_whoever_may_read_all_may_read_secrets(spelled: str) -> None:
    assert verdict(secrets_readable.CHECK, spelled) is Verdict.FAILED
    assert verdict(secrets_readable.CHECK, "create pods") is Verdict.PASSED


@pytest.mark.parametrize("text", ["*", "*:*", "* *", "s3:*", "* secrets", "s3:GetObject", "get secrets"])
def test_a_permission_is_named_or_not(text: str) -> None:
    named, unnamed = (re.fullmatch(one.pattern, text) is not None for one in (NAMED, UNNAMED))
    assert named is not unnamed
    assert unnamed is ("*" in text)
    assert re.fullmatch(EVERYTHING.pattern, text) is None or unnamed
