"""D20: a rank of a job differs from its gang."""

from ringfence.watch.detectors import gang_asymmetry
from ringfence.watch.values import Signal
from ringfence.wire.ocsf.event import Event
from tests.watch.detectors.below import LONG
from tests.watch.events import both_ways, interval, job
from tests.watch.gang.gangs import Change, ranks, speaks, works

ODD = "gpu0003"


def told(change: Change, hours: float = 4) -> list[Signal]:
    """What is told of a gang with one rank changed from the second hour on."""

    def later(at: float, shown: dict[str, float]) -> None:
        if at > 3600:
            change(at, shown)

    return both_ways(gang_asymmetry, works(hours, odd=ODD, change=later), [job("1", *ranks(8))], every=300)


def test_a_rank_that_sends_more_is_told():
    """With its host, its job, and since when."""
    found = told(lambda at, shown: shown.update(ib_xmit=shown["ib_xmit"] * 1.15))
    assert found[0].entities == (f"host:{ODD}", "1")
    assert found[0].confidence * found[0].severity >= 45
    assert "more fabric sent" in found[0].why


def test_a_rank_whose_gang_waits_for_it_draws_more_power():
    """Something takes a share of it, and its clock is as ever."""
    assert "more power" in told(lambda at, shown: shown.update(gpu_power=shown["gpu_power"] * 1.04))[0].why


def test_a_straggler_alone_is_honest():
    """Slower in clock, power and links: a worn or hot machine."""

    def hot(at: float, shown: dict[str, float]) -> None:
        shown |= {"gpu_clock": 1700.0, "gpu_power": shown["gpu_power"] * 0.85, "nvlink": shown["nvlink"] * 0.9}

    assert told(hot) == []
    assert told(lambda at, shown: shown.update(gpu_power=shown["gpu_power"] * 0.93)) == []


def test_a_straggler_that_is_well_again_is_as_the_others():
    """Slow when its job began: it comes back to the middle of its gang, and not beyond."""

    def mended(at: float, shown: dict[str, float]) -> None:
        if at < 3 * 3600:
            shown |= {"gpu_power": shown["gpu_power"] * 0.95, "nvlink": shown["nvlink"] * 0.95}

    events = works(8, odd=ODD, change=mended)
    assert both_ways(gang_asymmetry, events, [job("1", *ranks(8))], every=300) == []


def test_a_straggler_that_also_starts_programs_is_not():
    """What a hot machine does not do."""

    def taken(at: float, shown: dict[str, float]) -> None:
        shown |= {"gpu_power": shown["gpu_power"] * 0.9, "processes": shown["processes"] + 4}

    assert "more processes" in told(taken)[0].why


def test_an_address_of_its_own_is_told():
    """None of the others speaks to it."""
    events: list[Event] = []
    for turn in range(5):
        at = 600 * turn
        events += [speaks(at, ODD, "11.7.7.7", 8443), *(interval(at, host, job__uid="1") for host in ranks(8))]
    found = both_ways(gang_asymmetry, events, [job("1", *ranks(8))])
    assert "11.7.7.7:8443" in found[0].why


def test_hostile_input_does_no_harm():
    """Endless names, numbers that are none, and a clock that jumps."""
    nothing = float("nan")
    odd = [
        interval(at, host, job__uid="1", gpu_power=nothing, ib_xmit=float("inf")) for at in (0, 30) for host in ranks(8)
    ]
    odd += [interval(9e9, LONG, job__uid=LONG, host__programs=",".join([LONG] * 50)), speaks(-9e9, LONG, LONG, 2**40)]
    assert both_ways(gang_asymmetry, odd, [job("1", *ranks(8))]) == []
