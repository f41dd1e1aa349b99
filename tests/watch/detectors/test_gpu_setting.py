"""D24: a mode of an accelerator that was changed."""

from ringfence.watch.detectors import gpu_setting
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.watch.detectors.below import LONG, logged_in, operates, reserved
from tests.watch.events import T0, both_ways, event, job, started

HOUR = 3600


def change(at: float, setting: str = "ecc_mode", value: str = "Disabled", who: str = "root", host: str = "a") -> Event:
    """A mode is set."""
    said = {"gpu__setting": setting, "gpu__value": value, "gpu__uuid": f"GPU-{host}", "actor__user__name": who}
    return event(classes.GPU, 5, at, host, source=f"host:{host}/gpu", **said)


def test_a_mode_that_changes_in_the_middle_of_a_job_is_told():
    """Nobody had come, nothing was announced."""
    (found,) = both_ways(gpu_setting, [change(HOUR)], [job("1", "a")])
    assert found.entities == ("host:a", "gpu:GPU-a", "identity:root")
    assert found.confidence * found.severity >= 45
    assert "while 1 ran" in found.why


def test_prologs_and_announced_work_are_honest():
    """At the edge of a job, or under a reservation."""
    assert both_ways(gpu_setting, [started(0, "1", "a"), change(30, "mig_mode", "Enabled")]) == []
    assert both_ways(gpu_setting, [reserved(0, "a"), change(900)]) == []


def test_what_takes_no_wall_down_is_left_to_the_jobs_user_and_to_administrators():
    """Clocks and power limits."""
    assert both_ways(gpu_setting, [change(HOUR, "power_limit", "500", "ada")], [job("1", "a")]) == []
    come = [*operates(), logged_in(HOUR, "ops", "a")]
    assert both_ways(gpu_setting, [*come, change(HOUR + 60, "power_limit", "500")], [job("1", "a")]) == []
    assert both_ways(gpu_setting, [*come, change(2 * HOUR, "power_limit", "500")], [job("1", "a")]) != []
    (found,) = both_ways(gpu_setting, [*come, change(HOUR + 60)], [job("1", "a")])
    assert found.confidence == 0.5


def test_what_is_rolled_out_becomes_known():
    """Under announcement on some hosts; then the next idle host is no news."""
    hosts = [f"n{at}" for at in range(6)]
    known = [reserved(0, *hosts), *(change(60, "compute_mode", "Exclusive", host=host) for host in hosts)]
    assert both_ways(gpu_setting, [*known, change(90, "compute_mode", "Exclusive", host="n99")]) == []


def test_hostile_input_does_no_harm():
    """Names of any length, a host without a name, times before all jobs."""
    odd = [change(0, LONG, LONG, LONG), change(-9e9, "", "", ""), change(9e9, host="")]
    found = both_ways(gpu_setting, odd, [job("1", "a")])
    assert all(len(one.why) < 1500 and one.time != T0 + 9e15 for one in found)
