"""What only one rank of a gang does."""

from ringfence.watch.gang.alone import Alone, Mark, take, tidy
from ringfence.wire.ocsf.event import Event
from tests.watch.events import batch, interval, job, view
from tests.watch.gang.gangs import ranks, speaks

HOSTS = ranks(6)


def around(at: float, *more: Event, programs: dict[str, str] | None = None) -> list[Event]:
    """One interval of all hosts, with flows before it."""
    named = programs or {}
    return [*more, *(interval(at, host, job__uid="1", host__programs=named.get(host, "nhc")) for host in HOSTS)]


def marks(*intervals: list[Event]) -> list[Mark]:
    """What stands out after some intervals."""
    seen, state = view([job("1", *HOSTS)]), Alone()
    return [mark for events in intervals for mark in take(state, batch(*events), seen.roster)]


def test_an_address_that_one_rank_alone_comes_back_to_is_told():
    """Four times in half an hour."""
    found = marks(*(around(600 * turn, speaks(600 * turn, HOSTS[2], "11.1.2.3")) for turn in range(4)))
    assert [(one.host, one.things, one.times) for one in found] == [(HOSTS[2], ("address 11.1.2.3:443",), 4)]


def test_what_a_second_rank_does_too_is_nobodys_mark():
    """Both speak to it."""
    both = [
        around(600 * turn, speaks(600 * turn, HOSTS[turn % 2], "11.1.2.3"), speaks(600 * turn, HOSTS[2], "11.1.2.3"))
        for turn in range(9)
    ]
    assert marks(*both) == []


def test_programs_of_different_names_add_up():
    """Each is started once or twice, on one rank only."""
    names = ("id", "ps", "lsof", "find")
    found = marks(*(around(900 * turn, programs={HOSTS[3]: name}) for turn, name in enumerate(names)))
    assert (found[0].host, found[0].times) == (HOSTS[3], 4)


def test_what_several_jobs_know_is_common():
    """The service is used all over the cluster."""
    seen, state = view([job("1", *HOSTS), *(job(f"o{at}", f"o{at}") for at in range(3))]), Alone()
    for at in range(3):
        others = [speaks(0, f"o{at}", "11.1.2.3"), interval(0, f"o{at}", job__uid=f"o{at}")]
        assert list(take(state, batch(*others), seen.roster)) == []
    for turn in range(6):
        events = around(600 * turn, speaks(600 * turn, HOSTS[2], "11.1.2.3"))
        assert list(take(state, batch(*events), seen.roster)) == []


def test_a_quarter_of_an_hour_by_hand_is_not_told():
    """Somebody looks after a rank of his job."""
    assert marks(*(around(60 * turn, programs={HOSTS[1]: "py-spy"}) for turn in range(15))) == []


def test_ended_jobs_are_forgotten_and_floods_are_bounded():
    """Ten thousand addresses of one rank."""
    seen, state = view([job("1", *HOSTS)]), Alone()
    flood = [speaks(1, HOSTS[0], f"11.1.{at // 250}.{at % 250}", at % 60000) for at in range(10_000)]
    list(take(state, batch(*around(1, *flood)), seen.roster))
    assert len(state.jobs["1"]) <= 256
    seen.roster.end("1", 1)
    tidy(state, seen.roster)
    assert state.jobs == {}
