"""The plan of waves depends on where the hosts stand, never on how they came there."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.assess.harden.waves import BAD, Do, Rules, Stand, Step, following, waves
from ringfence.errors import UsageError

HOSTS = tuple(f"gpu{number:04}" for number in range(40))
STANDS = st.dictionaries(st.sampled_from(HOSTS), st.sampled_from(Stand), min_size=1)
RULES = st.builds(
    Rules,
    first=st.integers(1, 3),
    growth=st.integers(1, 3),
    most=st.integers(1, 9),
    tolerated=st.integers(0, 3),
    put_back=st.booleans(),
)


def carried(stands: dict[str, Stand], rules: Rules, answer: object = None) -> list[Step]:
    """Until it halts or is done. `answer(host)`: what a judged host turns out to be."""
    found = []
    while (step := following(stands, rules)).do not in (Do.HALT, Do.DONE):
        become = {Do.APPLY: Stand.APPLIED, Do.PUT_BACK: Stand.BACK}
        for host in step.hosts:
            stands[host] = (
                answer(host) if step.do is Do.JUDGE and callable(answer) else become.get(step.do, Stand.HEALTHY)
            )
        found.append(step)
        assert len(found) < 500
    return [*found, step]


def test_a_canary_goes_first_then_twice_as_many_each_time():
    sizes = [len(one) for one in waves(HOSTS, Rules(most=8))]
    assert sizes == [1, 2, 4, 8, 8, 8, 8, 1]
    assert waves(HOSTS, Rules(canaries=("gpu0009", "gpu0030"), most=8))[:2] == (
        ("gpu0009", "gpu0030"),
        ("gpu0000", "gpu0001", "gpu0002", "gpu0003"),
    )


@given(STANDS, RULES, st.randoms())
def test_the_next_step_is_the_same_however_the_hosts_are_told(stands, rules, chance):
    """Shuffled, and told again."""
    shuffled = list(stands.items())
    chance.shuffle(shuffled)
    assert (
        following(dict(shuffled), rules) == following(stands, rules) == following(dict(reversed(stands.items())), rules)
    )


@given(RULES, st.data())
def test_stopped_anywhere_and_begun_again_it_does_the_same(rules, data):
    """Forward at once, and forward from any point between: the same steps are left."""
    whole = carried(dict.fromkeys(HOSTS, Stand.OLD), rules)
    stands, cut = dict.fromkeys(HOSTS, Stand.OLD), data.draw(st.integers(0, len(whole) - 1))
    for step in whole[:cut]:
        stands |= dict.fromkeys(step.hosts, Stand.APPLIED if step.do is Do.APPLY else Stand.HEALTHY)
    assert carried(stands, rules) == whole[cut:]


@given(RULES, st.sets(st.sampled_from(HOSTS), min_size=1))
def test_one_wave_is_under_way_and_bad_hosts_halt_it(rules, bad):
    """Never more hosts are sick than those of the wave that found it, and what is put back is of that wave only."""
    stands = dict.fromkeys(HOSTS, Stand.OLD)
    steps = carried(stands, rules, lambda host: Stand.SICK if host in bad else Stand.HEALTHY)
    planned = waves(HOSTS, rules)
    last = steps[-1]
    assert last.do is (Do.HALT if len(bad) > rules.tolerated else Do.DONE)
    for step in steps[:-1]:
        assert set(step.hosts) <= set(planned[step.wave])
    if last.do is Do.HALT:
        assert all(stands[host] is Stand.OLD for wave in planned[last.wave + 1 :] for host in wave)
        assert sum(stand in BAD for stand in stands.values()) <= rules.tolerated + len(planned[last.wave])
        if rules.put_back:
            assert Stand.SICK not in {stands[host] for host in planned[last.wave]}


def test_backward_from_done_leads_through_the_same_steps():
    """The last step that is undone is the first that would be done again."""
    rules = Rules(most=8)
    whole = carried(dict.fromkeys(HOSTS, Stand.OLD), rules)
    stands = dict.fromkeys(HOSTS, Stand.HEALTHY)
    for step in reversed(whole[:-1]):
        stands |= dict.fromkeys(step.hosts, Stand.OLD if step.do is Do.APPLY else Stand.APPLIED)
        assert following(stands, rules) == step


def test_a_canary_that_is_no_host_is_refused():
    with pytest.raises(UsageError, match="none of the hosts"):
        waves(HOSTS, Rules(canaries=("gpu9999",)))
    with pytest.raises(UsageError):
        waves(HOSTS, Rules(growth=0))


def test_ten_thousand_hosts_are_a_dozen_of_steps_of_at_most_so_many():
    stands = {f"h{number}": Stand.OLD for number in range(10_000)}
    order = list(stands)
    random.Random(3).shuffle(order)
    steps = carried({host: stands[host] for host in order}, Rules(most=1_000))
    assert max(len(step.hosts) for step in steps) == 1_000
    assert len(steps) == 2 * len(waves(stands, Rules(most=1_000))) + 1
