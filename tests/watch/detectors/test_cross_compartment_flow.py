"""D01: a job reaches into another compartment."""

from ringfence.watch.detectors import cross_compartment_flow
from tests.watch.events import FakeSite, both_ways, flow, job
from tests.watch.hostile import hostile

SITE = FakeSite(addresses={"10.0.0.1": "gpu0001", "10.0.0.2": "gpu0002", "10.0.0.3": "gpu0003", "10.0.0.9": "nfs1"})
MINE = job("job:1", "gpu0001", "gpu0002", account="t1")
THEIRS = job("job:2", "gpu0003", user="bob", account="t2")
SAID = {"job__uid": "job:1", "actor__user__name": "ada", "actor__process__name": "python3"}


def test_a_connection_to_another_tenants_host_is_told_at_once():
    """Who, whom and which job holds it; it needs no habit."""
    found = both_ways(
        cross_compartment_flow, [flow(900, "gpu0001", "10.0.0.3", 8888, **SAID)], [MINE, THEIRS], site=SITE
    )
    assert [one.key for one in found] == ["gpu0001|gpu0003|8888"]
    assert found[0].entities == ("host:gpu0001", "job:1", "identity:ada", "host:gpu0003")
    assert "identity:ada#use" in found[0].holds
    assert found[0].urgent


def test_what_the_policy_forbids_is_surer():
    """The policy and the roster agree."""
    site = FakeSite(SITE.addresses, rules={("gpu0001", "gpu0003"): False})
    found = both_ways(cross_compartment_flow, [flow(900, "gpu0001", "10.0.0.3", **SAID)], [MINE, THEIRS], site=site)
    assert found[0].confidence == 0.85


def test_a_gang_speaks_to_itself_to_its_tenant_and_to_what_the_policy_allows():
    """And to servers, as everybody does."""
    allowed = FakeSite(SITE.addresses, rules={("gpu0001", "gpu0003"): True})
    friend = job("job:2", "gpu0003", user="eve", account="t1")
    inside = [flow(900, "gpu0001", "10.0.0.2", 29500, **SAID), flow(901, "gpu0001", "10.0.0.9", 2049, **SAID)]
    across = [flow(902, "gpu0001", "10.0.0.3", 8888, **SAID)]
    assert both_ways(cross_compartment_flow, inside, [MINE, THEIRS], site=SITE) == []
    assert both_ways(cross_compartment_flow, across, [MINE, friend], site=SITE) == []
    assert both_ways(cross_compartment_flow, across, [MINE, THEIRS], site=allowed) == []


def test_a_host_that_changed_hands_a_moment_ago_is_none():
    """Its new job began just now."""
    new = job("job:2", "gpu0003", user="bob", account="t2")
    assert both_ways(cross_compartment_flow, [flow(60, "gpu0001", "10.0.0.3", **SAID)], [MINE, new], site=SITE) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(cross_compartment_flow)
