"""What the estate tells the detectors of a generated cluster."""

import pytest

from ringfence.app.fence.design import Design
from ringfence.app.watch.site import EstateSite
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.compile.budget import meters
from ringfence.segment.model import Policy
from ringfence.synth import draw, facts


@pytest.fixture(scope="module")
def estate() -> Estate:
    """A cluster of 32 nodes."""
    return estate_of(facts(draw(32, 7)))


@pytest.fixture(scope="module")
def site(estate: Estate) -> EstateSite:
    """That cluster as detectors see it."""
    return EstateSite(estate)


def test_every_address_of_a_host_is_that_host(site, estate):
    """Its own addresses are inside, the internet's are not."""
    fact = next(one for one in estate.facts("attached_to") if one.subject.startswith("host:") and one.attributes)
    address = fact.attributes["address"]
    assert site.host_at(address) == fact.subject.removeprefix("host:")
    assert site.is_inside(address)
    assert not site.is_inside("8.8.8.8")
    assert site.host_at("8.8.8.8") == ""


def test_hosts_of_one_job_may_talk_and_those_of_another_may_not(site):
    """The policy answers, and says nothing about ends that it does not know."""
    jobs = [job for job in site.roster().jobs.values() if len(job.hosts) > 1]
    (one, other), foreign = jobs[0].hosts[:2], next(job for job in jobs if not set(job.hosts) & set(jobs[0].hosts))
    assert site.may(one, other, "tcp", 29500) is True
    assert site.may(one, foreign.hosts[0], "tcp", 22) is False
    assert site.may("203.0.113.9", one, "tcp", 22) is None
    assert site.compartment(one) == site.compartment(other) != site.compartment(foreign.hosts[0])


def test_a_file_is_found_under_the_servers_path_and_under_every_mount(site, estate):
    """The innermost folder wins; a path of nobody's is of nobody."""
    one = next(iter(site.data().values()))
    assert site.data_at(f"{one.path}/shard-0001.bin") == one
    mounts = {(fact.object, fact.attributes["path"]) for fact in estate.facts("mounts")}
    stored = next(fact for fact in estate.facts("stored_on") if fact.subject == one.entity)
    export = stored.object.rpartition(":")[2]
    below = next(path for storage, path in mounts if storage == stored.object)
    assert site.data_at(below + one.path.removeprefix(export) + "/x") == one
    assert site.data_at("/tmp/x") is None


def test_readers_are_accounts_groups_members_and_jobs(site):
    """A member of a group that may read is a reader."""
    known = [one for one in site.data().values() if one.readers]
    assert known
    assert any(reader.startswith("job:") for one in known for reader in one.readers)


def test_what_everybody_may_read_has_no_list_of_readers():
    """Empty is unknown: no reader of a public dataset is a stranger."""
    said = [
        Fact("dataset:d", "stored_on", "storage:s:/d", {"path": "/d"}, "test", 0.0),
        Fact("dataset:d", "readable_by", "identity:*", {}, "test", 0.0),
    ]
    assert EstateSite(estate_of(said)).data()["dataset:d"].readers == frozenset()


def test_a_quota_is_of_the_jewel_that_the_fence_named_it_after(site, estate):
    """Also that of one job; what the fence never named so is of none."""
    policy = Design(estate).policy
    name, jewel = next((one.name, budget.jewel) for budget in policy.budgets if budget.bytes_per_hour
                       for one in meters(Policy({}, (), (budget,)), {}).get(budget.holders[0], ()))  # fmt: skip
    assert site.jewel(name) == jewel
    assert site.jewel(f"job_0123456789_{name}") == jewel
    assert [site.jewel(one) for one in ("", "spend_", "spend_0123456789", "denied_out")] == [""] * 4


def test_stake_is_what_falls_next(site):
    """Root on a training host reaches jewels in minutes; a place the estate lacks is unknown, not safe."""
    host = next(iter(site.roster().on))
    stake = site.stake([f"host:{host}#root"])
    assert stake.known
    assert stake.jewels
    assert stake.minutes[0] <= stake.minutes[1]
    assert not site.stake(["host:never-seen#root"]).known
    assert not site.stake(["nonsense"]).known
