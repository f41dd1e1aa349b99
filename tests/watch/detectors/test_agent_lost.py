"""D60: an agent is silent."""

from ringfence.watch.detectors import agent_lost
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event, interval, job, time
from tests.watch.hostile import hostile

HOUR = 3600
JOBS = [job("job:1", "gpu0001", "gpu0002")]


def silence(at: float, sensor: str, seconds: float = 60, why: str = "unannounced"):
    """What was counted on receipt."""
    said = {"telemetry__of": f"host:gpu0001/{sensor}", "telemetry__seconds": seconds, "telemetry__why": why}
    return event(classes.TELEMETRY, 4, at, "gpu0001", source="ringfence/loss", **said)


def days(quiet_from: float, until: float):
    """Two hosts, one of which stops."""
    found = [interval(at, "gpu0001", events=9) for at in range(-HOUR, int(quiet_from), 30)]
    found += [interval(at, "gpu0002", events=9) for at in range(-HOUR, int(until), 30)]
    return found


def played(*more, until: float = 900, jobs=JOBS):
    """The signals."""
    return both_ways(agent_lost, sorted([*days(300, until), *more], key=lambda one: one.time), jobs)


def test_a_host_that_stops_while_its_gang_goes_on_is_told():
    """Within minutes, once."""
    found = played(silence(360, "gpu"), silence(390, "ports", 90))
    assert [one.key for one in found] == ["gpu0001"]
    assert found[0].entities == ("host:gpu0001", "job:1")
    assert found[0].confidence * found[0].severity >= 45
    assert (found[0].time - found[0].since) / 1e6 < 240


def test_one_sensor_and_announced_silences_say_nothing():
    """A planned reboot, a sensor with nothing to tell."""
    assert played(silence(360, "gpu", why="announced"), silence(390, "ports", 90, "announced")) == []
    assert played(silence(360, "auth")) == []


def test_a_host_that_crashes_with_its_job_is_given_half_an_hour():
    """The job failed at that moment."""
    crash = event(classes.JOB, 3, 299, "slurm1", job__uid="job:1", job__state="FAILED")
    assert played(crash, silence(360, "gpu"), silence(390, "ports", 90)) == []


def test_a_host_that_its_controller_saw_go_down_is_given_half_an_hour():
    """Its job does not know yet."""
    reset = event(classes.HARDWARE, 1, 302, "gpu0001", hardware__message_id="SystemReset", source="host:mgmt1/bmc")
    assert played(reset, silence(360, "gpu"), silence(390, "ports", 90)) == []


def test_a_host_that_is_hardly_known_says_nothing_by_its_silence():
    """It may always pause for so long."""
    few = [one for one in days(300, 900) if one.host == "gpu0002" or one.time >= time(0)]
    heard = sorted([*few, silence(360, "gpu"), silence(390, "ports", 90)], key=lambda one: one.time)
    assert both_ways(agent_lost, heard, JOBS) == []


def test_a_server_that_pauses_for_minutes_is_not_silent():
    """It has nothing to tell; one that never paused is."""
    often = [one for one in days(300, 900) if one.host == "gpu0002"]
    rare = [interval(at, "gpu0001", events=9) for at in range(-HOUR, 300, 240)]
    quiet = [silence(360, "gpu"), silence(390, "ports", 90)]
    assert both_ways(agent_lost, sorted([*often, *rare, *quiet], key=lambda one: one.time)) == []
    assert played(*quiet, jobs=()) != []


def test_an_idle_host_is_told_after_five_minutes():
    """With less confidence."""
    found = played(silence(360, "gpu"), silence(390, "ports", 90), until=1200, jobs=())
    assert [one.confidence for one in found] == [0.7]
    assert 0.7 * found[0].severity >= 45


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(agent_lost)
