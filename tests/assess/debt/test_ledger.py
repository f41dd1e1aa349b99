"""What becomes of a finding is read from the estates, whatever way they were read; nothing is paid by not looking."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, When, asked_of
from ringfence.assess.debt.backfill import earliest
from ringfence.assess.debt.findings import Findings, findings
from ringfence.assess.debt.ledger import Entry, State, Window, ledger
from ringfence.assess.debt.survival import capacity, flows, over_a_year, survival
from ringfence.assess.judge import judge
from ringfence.estate.estate import estate_of, rows_of
from ringfence.estate.facts import Fact

DAY = 86_400.0
CHECK = Check(
    id="RF-X01",
    name="umad",
    title="umad is shut",
    layer=Layer.FABRIC,
    each=(When((Atom("asked", "it", Is("devices")),)),),
    fails=(When((Atom("device_open", "it", Is("umad")),), "umad is open"),),
    rests=(asked_of("devices"),),
    why="w",
    remedy="r",
    weight=9,
)
START = 1.7e9


def host(name: str, *, open_: bool = False, answered: bool = True, source: str = "") -> list[Fact]:
    """One host of a survey."""
    told = source or f"hosts/{name}"
    facts = [Fact(f"host:{name}", "asked", "devices", {"answered": answered}, told)]
    return facts + ([Fact(f"host:{name}", "device_open", "umad", {}, told)] if open_ else [])


def window(day: float, *facts: Fact) -> Window:
    estate = estate_of(facts)
    judged = tuple(judge(estate, [CHECK]))
    return Window(START + day * DAY, estate, judged, findings(estate, judged))


def entry(windows: Sequence[Window], name: str = "a") -> Entry:
    return ledger(windows)["RF-X01", f"host:{name}"]


def test_a_finding_of_day_one_is_estimated_and_a_later_one_is_observed() -> None:
    windows = [
        window(0, *host("a", open_=True), *host("b")),
        window(30, *host("a", open_=True), *host("b", open_=True)),
    ]
    assert entry(windows).estimated
    later = entry(windows, "b")
    assert (later.opened, later.estimated) == (START + 30 * DAY, False)


def test_the_ledger_is_a_function_of_the_estates_and_not_of_the_order_they_were_read_in() -> None:
    windows = [
        window(0, *host("a", open_=True), *host("b")),
        window(30, *host("a"), *host("b", open_=True)),
        window(60, *host("a", open_=True), *host("b", answered=False)),
    ]
    assert len({str(ledger(order)) for order in permutations(windows)}) == 1


def test_one_that_passes_is_fixed_and_its_clock_goes_on_when_it_comes_back() -> None:
    """Closing for a day resets nothing."""
    windows = [window(0, *host("a", open_=True)), window(300, *host("a")), window(301, *host("a", open_=True))]
    fixed = entry(windows[:2])
    assert (fixed.state, fixed.fixed) == (State.FIXED, (START + 300 * DAY,))
    again = entry(windows)
    assert again.state is State.OPEN
    assert again.reopened == (START + 301 * DAY,)
    assert again.age(START + 311 * DAY) == 310 * DAY


def test_one_that_nobody_can_see_any_more_is_carried_with_its_facts() -> None:
    """Not looking pays nothing: whether the question is not answered, or the whole source fell silent."""
    silent = [window(0, *host("a", open_=True)), window(30, *host("a", answered=False))]
    assert entry(silent).state is State.CARRIED
    assert [fact.predicate for fact in entry(silent).facts] == ["device_open"]
    gone = Fact("host:a", "in_rack", "R1", {}, "inventory")
    dropped = [window(0, *host("a", open_=True)), window(30, gone)]
    assert entry(dropped).state is State.CARRIED
    assert entry(dropped).age(START + 30 * DAY) == 30 * DAY


def test_one_whose_source_spoke_again_without_it_is_fixed() -> None:
    """The check has no subject any more, and the same file was read."""
    spoke = Fact("host:a", "in_rack", "R1", {}, "hosts/a")
    assert entry([window(0, *host("a", open_=True)), window(30, spoke)]).state is State.FIXED


def test_one_whose_subject_is_nowhere_is_gone_and_not_fixed() -> None:
    windows = [window(0, *host("a", open_=True), *host("b")), window(30, *host("b"))]
    assert entry(windows).state is State.GONE
    flow = flows(list(ledger(windows).values()), [one.at for one in windows])
    assert (flow[0].closed, flow[0].gone) == (0, 1)


def test_dates_come_from_cves_packages_and_files_and_never_from_the_future() -> None:
    at = START + 1000 * DAY
    cve = Fact("host:a", "vulnerable_to", "CVE-2023-25266", {}, "s", at)
    assert earliest([cve], at) == 1704067200.0
    assert (
        earliest([Fact("host:a", "vulnerable_to", "CVE-2023-25266", {"published": "2023-06-01"}, "s", at)], at) < 1.69e9
    )
    assert earliest([Fact("host:a", "setting", "x=1", {"mtime": START}, "s", at)], at) == START
    assert earliest([Fact("host:a", "vulnerable_to", "CVE-2999-25266", {"since": "never"}, "s", 0.0)], at) == at


def test_half_life_counts_those_still_open() -> None:
    """Ten findings; four fixed after 100 days, six open: fewer than half were fixed, and there is no half-life yet."""
    names = [f"h{number}" for number in range(10)]
    first = window(0, *(fact for name in names for fact in host(name)))
    opened = window(10, *(fact for name in names for fact in host(name, open_=True)))
    some = window(110, *(fact for at, name in enumerate(names) for fact in host(name, open_=at >= 4)))
    most = window(210, *(fact for at, name in enumerate(names) for fact in host(name, open_=at >= 7)))
    early = survival(ledger([first, opened, some]).values(), some.at)
    assert (early.half_life, early.fixed, early.censored) == (None, 4, 6)
    late = survival(ledger([first, opened, some, most]).values(), most.at)
    assert late.half_life == 200.0
    assert [round(share, 6) for _, share in late.curve] == [1.0, 0.6, 0.3]


def test_what_is_open_over_a_year_and_what_a_team_can_close() -> None:
    windows = [window(0, *host("a"))]
    windows += [window(10, *host("a", open_=True)), window(20, *host("a")), window(30, *host("a", open_=True))]
    entries = list(ledger(windows).values())
    assert over_a_year(entries, START + 300 * DAY) == 0
    assert over_a_year(entries, START + 500 * DAY) == 1
    arrivals, closures = capacity(flows(entries, [one.at for one in windows]))
    assert round(arrivals * 30) == 2
    assert 0 < closures <= 0.1


def test_a_new_name_goes_on_with_the_clock_of_what_vanished() -> None:
    """Renamed at once, or left out for one survey: the oldest that went goes on in the next that comes."""
    at_once = [window(0, *host("old", open_=True)), window(100, *host("new", open_=True))]
    between = [window(0, *host("old", open_=True)), window(50, *host("b")), window(100, *host("new", open_=True))]
    for windows, days in ((at_once, 100), (between, 50)):
        kept = ledger(windows)
        assert kept["RF-X01", "host:old"].heir == "host:new"
        assert kept["RF-X01", "host:new"].age(windows[-1].at) == days * DAY
    fixed = ledger([window(0, *host("old", open_=True)), window(100, *host("old"), *host("new", open_=True))])
    assert fixed["RF-X01", "host:new"].age(START + 100 * DAY) == 0.0


def service(name: str, *, open_: bool = True) -> list[Fact]:
    """One service, as the sockets of its host tell it."""
    told = f"hosts/{name.partition('/')[0]}/sockets"
    facts = [Fact(f"service:{name}", "asked", "devices", {"answered": True}, told)]
    return facts + ([Fact(f"service:{name}", "device_open", "umad", {}, told)] if open_ else [])


def of_service(*after: Fact, retired: frozenset[str] = frozenset()) -> Entry:
    """What becomes of the finding on a's dashboard, if these facts are all that the next survey holds."""
    before = window(0, *host("a"), *service("a/ray:8265"))
    now = replace(window(30, *after), retired=retired)
    return ledger([before, now])["RF-X01", "service:a/ray:8265"]


def test_a_service_that_nobody_looked_for_again_still_owes() -> None:
    """Its host answers, and the file that told of it is not there: nobody can say that it was shut."""
    left_out = of_service(*host("a"))
    assert left_out.state is State.CARRIED
    assert left_out.age(START + 30 * DAY) == 30 * DAY
    assert left_out.facts


def test_a_service_that_is_seen_to_be_there_no_more_is_gone() -> None:
    assert of_service(*host("a"), *service("a/ssh:22", open_=False)).state is State.GONE


def test_a_service_is_gone_with_its_retired_host_or_by_itself() -> None:
    for retired in ("host:a", "service:a/ray:8265"):
        assert of_service(*host("b"), retired=frozenset((retired,))).state is State.GONE
    assert of_service(*host("b"), retired=frozenset(("host:b",))).state is State.CARRIED


def test_a_renamed_service_goes_on_with_the_clock() -> None:
    kept = ledger([window(0, *service("a/ray:8265")), window(30, *service("a/dashboard:8265"))])
    assert kept["RF-X01", "service:a/ray:8265"].heir == "service:a/dashboard:8265"
    assert kept["RF-X01", "service:a/dashboard:8265"].age(START + 30 * DAY) == 30 * DAY


def test_facts_read_by_columns_are_those_of_their_rows() -> None:
    estate = estate_of([*host("a", open_=True), *host("b", open_=True), Fact("host:a", "in_rack", "R1", {}, "x", 7.0)])
    rows = [*rows_of("device_open", np.arange(2)), *rows_of("in_rack", np.arange(1)), *rows_of("asked", np.arange(2))]
    of = np.array([2, 0, 2, 0, 2], np.int32)  # the second has none
    keys = tuple(("RF-X01", f"host:{name}") for name in "abc")
    found = Findings(keys, np.full(3, 9, np.int16), of, np.array(rows, np.int64))
    told = found.facts_in(estate)
    assert told == [tuple(estate.fact(int(rows[at])) for at in np.flatnonzero(of == one)) for one in range(3)]
