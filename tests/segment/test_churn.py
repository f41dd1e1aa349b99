"""Between two policies, no two tenants' rules are in force together."""

import random

import msgspec
import pytest

from ringfence.segment.churn import middle, stages
from ringfence.segment.model import Allow, Group, Policy
from tests.segment.small import pairs, small_policy

ENDS = [f"host:h{number}" for number in range(6)]


def _tenants(policy: Policy, end: str) -> set[str]:
    return {group.tenant for group in policy.groups.values() if end in group.on("ip")} - {""}


def _gang(tenant: str, *hosts: str) -> Policy:
    group = Group(f"gang:{tenant}", "gang", tenant, {"ip": hosts})
    return Policy({group.name: group}, (Allow(group.name, group.name, "ip", "any", "ranks"),))


@pytest.mark.parametrize("seed", range(300))
def test_a_pair_in_the_middle_is_in_both_or_within_one_tenant(seed: int) -> None:
    chance = random.Random(seed)
    old, new = small_policy(chance, "ip", ENDS), small_policy(chance, "ip", ENDS)
    between = middle(old, new)
    both = pairs(old, "ip") & pairs(new, "ip")
    for source, target, what in pairs(between, "ip") - both:
        for end in (source, target):
            before, after = _tenants(old, end), _tenants(new, end)
            if before - after and after - before:  # it changes hands: it keeps no tenant that comes or goes
                assert not _tenants(between, end) & (before ^ after), (end, source, target, what)


@pytest.mark.parametrize("seed", range(100))
def test_what_both_allow_within_a_tenant_never_breaks(seed: int) -> None:
    chance = random.Random(seed)
    old = small_policy(chance, "ip", ENDS)
    assert pairs(middle(old, old), "ip") == pairs(old, "ip")
    assert stages(old, old) == (old,)


def test_a_host_that_changes_hands_is_alone_in_between() -> None:
    old, new = _gang("red", *ENDS[:4]), _gang("blue", ENDS[3], *ENDS[4:])
    first, last = stages(old, new)
    assert not any(ENDS[3] in pair for pair in pairs(first, "ip"))
    assert last == new


def test_a_job_of_the_same_tenant_takes_over_without_a_gap() -> None:
    old = _gang("red", *ENDS[:4])
    renamed = msgspec.structs.replace(old.groups["gang:red"], name="gang:next")
    new = Policy({"gang:next": renamed}, (Allow("gang:next", "gang:next", "ip", "any", "ranks"),))
    assert pairs(old, "ip") <= pairs(middle(old, new), "ip")


def test_the_first_policy_needs_no_middle() -> None:
    policy = _gang("red", *ENDS[:2])
    assert stages(None, policy) == (policy,)


def test_who_joins_a_shared_host_disturbs_nobody_on_it() -> None:
    shared = {"gang:a": Group("gang:a", "gang", "red", {"ip": ("host:h1", "host:h2")})}
    joined = shared | {"gang:b": Group("gang:b", "gang", "blue", {"ip": ("host:h1",)})}
    rule = Allow("gang:a", "gang:a", "ip", "any", "ranks")
    old, new = Policy(shared, (rule,)), Policy(joined, (rule,))
    assert pairs(old, "ip") <= pairs(middle(old, new), "ip")
