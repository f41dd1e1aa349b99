"""D44: a jewel's egress budget is spent, or pressed against."""

from ringfence.respond.measures import MEASURES
from ringfence.watch.detectors import budget_spent
from ringfence.watch.incident import Joiner, Joining
from ringfence.watch.site import Data
from ringfence.wire.ocsf import classes
from tests.watch.events import FakeSite, both_ways, event, job, time, view
from tests.watch.hostile import hostile

QUOTA = "spend_68c4066d9c"
WEIGHTS = Data("model:m", "/models/m", 1 << 30, frozenset(), "tenant:red")
SITE = FakeSite(
    data=[WEIGHTS], tenants={"model:m": "tenant:red"}, quotas={QUOTA: "model:m", f"job_1_{QUOTA}": "model:m"}
)
MINE, OTHER = "job:slurm/c1/17", "job:slurm/c1/18"
JOBS = [job(MINE, "gpu0001", account="red"), job(OTHER, "gpu0001", user="bob", account="blue")]


def spent(at, activity=2, rule=QUOTA, **said):
    """What the agent of a host tells of a quota."""
    fields = {"fence__rule": rule, "fence__packets": 13, "fence__limit": 5_000_000, "fence__used": 5_000_000}
    return event(classes.FENCE, activity, at, "gpu0001", source="host:gpu0001/fence", **(fields | said))


def held(at, seconds):
    """The rate before the quota refuses for so long."""
    return spent(at, 3, fence__used=1_100_000, interval=float(seconds))


def told(events, jobs=()):
    """The incidents that are told."""
    found = both_ways(budget_spent, events, jobs, site=SITE)
    return list(Joiner(SITE).join(Joining(), found, time(100), view(jobs, SITE)))


def test_a_spent_budget_names_the_jewel_and_the_one_job_there_that_may_read_it():
    """Another tenant's job on the same host is left out of it."""
    (one,) = both_ways(budget_spent, [spent(5)], JOBS, site=SITE)
    assert one.entities == ("host:gpu0001", MINE, "identity:ada", "model:m")
    assert one.holds == ("host:gpu0001#user", "identity:ada#use", "model:m#read")
    assert (one.severity, one.confidence, one.urgent) == (75, 0.7, True)
    assert "5.0 MB" in one.why
    assert told([spent(5)], JOBS)


def test_where_two_jobs_may_read_it_only_the_host_is_named_unless_the_quota_is_of_one_job():
    """A guess would cut somebody healthy."""
    jobs = [*JOBS, job("job:slurm/c1/19", "gpu0001", user="eve", account="red")]
    (one,) = both_ways(budget_spent, [spent(5)], jobs, site=SITE)
    assert one.entities == ("host:gpu0001", "model:m")
    assert one.holds == ("host:gpu0001#user", "model:m#read")
    own = spent(5, rule=f"job_1_{QUOTA}", job__uid="job:slurm/c1/19")
    (one,) = both_ways(budget_spent, [own], jobs, site=SITE)
    assert one.entities == ("host:gpu0001", "job:slurm/c1/19", "identity:eve", "model:m")


def test_a_short_press_against_the_rate_opens_nothing_and_a_long_one_does():
    """An honest burst is slowed for some seconds; at full rate the share lasts six minutes."""
    assert both_ways(budget_spent, [held(0, 0), held(5, 5)], JOBS, site=SITE) == []
    assert told([held(0, 0), held(5, 5), held(10, 10)], JOBS) == []
    (one,) = told([held(at, at) for at in range(0, 40, 5)], JOBS)
    assert "model:m" in one.entities
    assert one.why["signal"].startswith("the egress budget of model:m holds back job:slurm/c1/17 of ada on gpu0001")


def test_it_is_one_signal_again_and_again_not_many():
    """Each step of certainty once in ten minutes, all with one key."""
    events = [held(at, at) for at in range(0, 120, 5)] + [spent(at) for at in range(120, 240, 60)]
    found = both_ways(budget_spent, events, JOBS, site=SITE)
    assert [one.confidence for one in found] == [0.5, 0.6, 0.7]
    assert len({one.key for one in found}) == 1


def test_a_quota_that_the_estate_does_not_know_is_told_by_its_name():
    """The fence of a host may be older than the map."""
    (one,) = both_ways(budget_spent, [spent(5, rule="spend_0123456789")], JOBS, site=SITE)
    assert one.entities == ("host:gpu0001",)
    assert "spend_0123456789" in one.why


def test_denied_packets_alone_are_not_its_business():
    """They are told by another detector, as context."""
    assert both_ways(budget_spent, [spent(5, 1, rule="denied_out", fence__packets=100_000)], JOBS, site=SITE) == []


def test_the_measure_is_against_the_job_and_the_account_for_bytes_that_leave():
    """No address is known to be blocked."""
    assert MEASURES["RF.D44"].out
    assert MEASURES["RF.D44"].verbs == ("block-job", "block-user", "isolate")


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(budget_spent)
