"""Every rule of the guard by a case of its own, and what holds whatever an attacker makes up."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.respond.guard import RULES
from ringfence.respond.limits import Limits
from ringfence.respond.sources import Sources, host_of, joined
from ringfence.respond.spent import Spent
from ringfence.respond.values import DO, HOLD, SHADOW, Cut
from ringfence.respond.verbs import VERBS, Grade
from tests.respond.guarded import ID, NOW, cut, decided, incident, plan, said, signal

A, B, C = "host:gpu01", "host:gpu02", "host:gpu03"
OWN = plan(cut("isolate", A))
WIDE = plan(cut("drain", "cluster:lab", "gpu01", hosts=(A,)))
ONE, TWO = incident(signal(A)), incident(signal(A), signal(B, about=(A,)))
NIGHT = NOW + 14 * 3600
OFFICE = Limits(hours=("Mon-Fri 08:00-18:00 UTC",), up_to="hard")
HARD = Limits(up_to="hard")
MANY = plan(*(cut("isolate", f"host:gpu{at:02d}") for at in range(20)))
FABRIC = "network:ib/lab"

CASES = {
    "closed": (OWN, incident(signal(A), state="dismissed"), {}),
    "undone": (OWN, ONE, {"words": (said("undo"),)}),
    "stands": (OWN, ONE, {"spent": Spent(standing=frozenset([(ID, OWN.cuts[0].cut)])), "stopped": "a drill"}),
    "never": (OWN, ONE, {"limits": Limits(never=("host:gpu*",)), "words": (said("approve", cuts=OWN.cuts),)}),
    "stop": (OWN, ONE, {"stopped": "stopped by alice: a drill"}),
    "evidence": (OWN, ONE, {"recorded": False}),
    "approved": (WIDE, ONE, {"words": (said("approve", cuts=WIDE.cuts),)}),
    "second-person": (MANY, ONE, {"words": (said("approve", cuts=MANY.cuts),)}),
    "grade": (WIDE, TWO, {}),
    "protected": (OWN, ONE, {"limits": Limits(protected=("host:gpu0?",))}),
    "floors": (OWN, incident(signal(A), severity=20), {}),
    "doors": (OWN, ONE, {"known": Sources(open_doors=True)}),
    "nobody": (OWN, incident(signal("syslog/10.0.0.9", about=(A,))), {}),
    "one-source": (plan(cut("isolate", B)), incident(signal(A, about=(A, B))), {}),
    "relayed": (OWN, ONE, {"known": Sources(relayed=frozenset([A]))}),
    "estate": (plan(cut("isolate", C), age=1e6), incident(signal(A, about=(C,)), signal(B, about=(C,))), {}),
    "hours": (WIDE, TWO, {"limits": OFFICE, "now": NIGHT}),
    "incidents-a-minute": (OWN, ONE, {"spent": Spent(incidents=frozenset(f"RF-{at}" for at in range(8)))}),
    "hosts-a-minute": (OWN, ONE, {"spent": Spent(hosts=frozenset(f"host:n{at}" for at in range(8)))}),
    "jobs-a-minute": (
        plan(cut("isolate", A, jobs=("job:slurm/lab/1",))),
        ONE,
        {"spent": Spent(jobs=frozenset(f"job:slurm/lab/9{at}" for at in range(16)))},
    ),
    "hosts-at-once": (OWN, ONE, {"spent": Spent(standing_hosts=frozenset(f"host:n{at}" for at in range(32)))}),
    "shadow": (OWN, ONE, {"apply": False}),
    "own": (OWN, ONE, {}),
    "vouched": (WIDE, TWO, {"limits": HARD}),
}


def test_every_rule_has_a_case_and_every_case_a_rule():
    """And one sentence each."""
    assert set(CASES) == set(RULES)
    assert all(text.endswith(".") and ". " not in text for text in RULES.values())


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_decides_its_case_and_says_so(rule):
    """What stands, is approved, own or vouched for is done; the rest waits or is listed."""
    of, about, more = CASES[rule]
    (first, *_) = decided(of, about, **more)
    assert (first.rule, bool(first.why)) == (rule, True)
    wanted = DO if rule in ("stands", "approved", "own", "vouched") else SHADOW if rule == "shadow" else HOLD
    assert first.verdict == wanted


ACTING = [verb.name for verb in VERBS.values() if verb.expires and verb.name != "quarantine"]


@pytest.mark.parametrize("verb", list(VERBS))
def test_one_source_gets_no_more_than_what_expires_by_itself_on_its_own_host(verb):
    """Whatever the user's hardest grade is. A quarantine only where the fabric's enforcer holds the expiry."""
    for place, of in ((A, A), (B, A), (FABRIC, A)):
        one = cut(verb, place, "0x01" if place == FABRIC else "x", hosts=(A,))
        (first,) = decided(plan(one), incident(signal(of)), HARD)
        assert (first.verdict == DO) == (verb in ACTING and place == A)


def test_a_quarantine_of_the_own_port_is_done_only_where_its_expiry_is_held():
    """Otherwise a server that dies leaves a healthy host out of its partitions."""
    known = Sources(ports={"0x0000001000000101": A, "0x0000001000000201": B})
    held = msgspec.structs.replace(known, expiry_held=frozenset([FABRIC]))
    mine, other = cut("quarantine", FABRIC, "0x0000001000000101"), cut("quarantine", FABRIC, "0x0000001000000201")
    about = incident(signal(A, about=(A, B)))
    assert [one.verdict for one in decided(plan(mine, other), about, known=known)] == [HOLD, HOLD]
    assert [one.verdict for one in decided(plan(mine, other), about, known=held)] == [DO, HOLD]


def test_the_own_job_is_blocked_on_all_of_its_hosts_and_no_other_job():
    """By the scheduler's word, not by the sender's."""
    known = Sources(runs={"7": {"job:slurm/lab/7": frozenset([A, B])}, "8": {"job:slurm/lab/8": frozenset([B, C])}})
    about = incident(signal(A, about=(A, "job:slurm/lab/7", "job:slurm/lab/8")))
    cuts = (cut("block-job", B, "7"), cut("block-job", B, "8"), cut("block-job", C, "7"), cut("cancel", A, "7"))
    assert [one.verdict for one in decided(plan(*cuts), about, HARD, known=known)] == [DO, HOLD, HOLD, HOLD]


def test_two_sources_that_one_root_holds_are_one():
    """A relay and its rack, or two hosts under one management controller."""
    known = Sources(holders=joined([(A, B)]))
    assert decided(WIDE, TWO, HARD)[0].verdict == DO
    assert decided(WIDE, TWO, HARD, known=known)[0].rule == "one-source"


def test_a_second_source_of_the_incident_counts_only_where_its_own_signal_names_what_is_cut():
    """Else a lie about a healthy host rides on another host's true alarm."""
    rides = incident(signal(A, about=(A, C, "identity:eve")), signal(B, about=(B, "identity:eve")))
    assert decided(plan(cut("isolate", C)), rides)[0].rule == "one-source"
    weak = incident(signal(A, about=(A, C)), signal(C, severity=20))
    assert decided(plan(cut("isolate", C)), weak)[0].rule == "one-source"


def test_who_is_outside_hours_gets_only_what_expires():
    """A block at three in the morning lapses; a drain waits."""
    both = plan(cut("isolate", A), WIDE.cuts[0])
    assert [one.verdict for one in decided(both, TWO, OFFICE, now=NIGHT)] == [DO, HOLD]
    assert [one.verdict for one in decided(both, TWO, OFFICE, now=NOW)] == [DO, DO]


def test_a_full_journal_holds_all_but_an_own_block_where_the_user_says_so():
    """The stated exception."""
    act = msgspec.structs.replace(HARD, on_full_journal="act")
    both = plan(cut("isolate", A), WIDE.cuts[0])
    assert [one.verdict for one in decided(both, TWO, HARD, recorded=False)] == [HOLD, HOLD]
    assert [one.verdict for one in decided(both, TWO, act, recorded=False)] == [DO, HOLD]


def test_without_an_estate_only_the_own_host_is_cut():
    """Nobody knows what a wider cut would do."""
    both = plan(cut("isolate", A), WIDE.cuts[0], estate="")
    assert [one.verdict for one in decided(both, TWO, HARD)] == [DO, HOLD]
    assert decided(plan(WIDE.cuts[0], age=-5.0), TWO, HARD)[0].rule == "estate"


def test_a_limit_goes_to_the_most_valuable_cuts_and_a_host_counts_once():
    """What the separation rests on, before what makes it last."""
    cuts = (
        cut("block", A, "10.0.0.1", needed=False),
        cut("isolate", B),
        cut("isolate", A),
        cut("block", B, "10.0.0.1"),
    )
    about = incident(signal(A), signal(B))
    found = decided(plan(*cuts), about, Limits(hosts_a_minute=1, second_person_above=9))
    assert [one.verdict for one in found] == [HOLD, DO, HOLD, DO]
    assert found[0].why == "limits: 1 hosts a minute"


def test_watching_closer_uses_nothing_of_a_limit():
    """It disturbs nobody."""
    found = decided(plan(cut("watch-closer", A, "10.0.0.1")), ONE, Limits(hosts_a_minute=0, hosts_at_once=0))
    assert [one.rule for one in found] == ["own"]


def test_a_large_plan_waits_for_two_people_and_not_twice_for_one():
    """Two different accounts."""
    words = [said("approve", cuts=MANY.cuts, uid=uid) for uid in (1, 1, 2)]
    assert {one.rule for one in decided(MANY, ONE, words=words[:2])} == {"second-person"}
    assert {one.verdict for one in decided(MANY, ONE, words=words)} == {DO}


def test_an_approval_is_of_the_cuts_that_were_shown_and_of_no_other():
    """A plan that an attacker makes grow waits anew. Nor does it pass the stop."""
    words = (said("approve", cuts=WIDE.cuts),)
    more = plan(WIDE.cuts[0], cut("drain", "cluster:lab", "gpu02"))
    assert [one.verdict for one in decided(more, ONE, words=words)] == [DO, HOLD]
    assert decided(WIDE, ONE, words=words, stopped="a drill")[0].rule == "stop"


def test_the_later_word_of_a_person_wins():
    """By the order in which it was said, whatever the clocks said."""
    yes, no = said("approve", cuts=OWN.cuts, when=NOW + 900), said("undo", when=NOW - 900)
    assert decided(OWN, ONE, words=(yes, no))[0].rule == "undone"
    assert decided(OWN, ONE, words=(no, yes))[0].rule == "approved"
    assert decided(OWN, ONE, words=(no, said("confirmed")))[0].rule == "own"
    assert decided(OWN, ONE, words=(said("benign"),))[0].rule == "undone"
    assert decided(OWN, ONE, words=(said("undo", about="RF-other"),))[0].rule == "own"


def test_a_released_host_is_left_alone_and_what_was_taken_away_there_stays_away():
    """All of it for the grace, and what stood there for good."""
    free = (said("release", about=A, cuts=OWN.cuts),)
    assert decided(OWN, ONE, words=free, now=NOW + 90_000)[0].rule == "undone"
    other = plan(cut("block", A, "10.0.0.1"))
    assert decided(other, ONE, words=free, now=NOW + 120)[0].rule == "undone"
    assert decided(other, ONE, words=free, now=NOW + 4000)[0].rule == "own"
    assert decided(plan(cut("isolate", B)), incident(signal(B)), words=free)[0].rule == "own"
    assert decided(OWN, ONE, words=(*free, said("approve", cuts=OWN.cuts)))[0].rule == "approved"
    assert decided(OWN, ONE, words=(*free, said("confirmed")))[0].rule == "undone"


def test_what_stands_is_renewed_while_the_incident_is_open_or_was_confirmed():
    """Neither the stop nor a limit takes away what stands; its end does, or a person."""
    spent = Spent(standing=frozenset([(ID, OWN.cuts[0].cut)]), hosts=frozenset(f"host:n{at}" for at in range(8)))
    none = Limits(hosts_a_minute=0, incidents_a_minute=0)
    assert decided(OWN, ONE, none, spent=spent, stopped="x", recorded=False, apply=False)[0].verdict == DO
    assert decided(OWN, incident(signal(A), state="closed"), spent=spent)[0].rule == "closed"
    confirmed = incident(signal(A), state="closed", why={"verdict": "confirmed"})
    assert decided(OWN, confirmed, spent=spent)[0].rule == "stands"
    assert decided(OWN, confirmed)[0].rule == "closed"
    assert decided(OWN, ONE, spent=spent, words=(said("undo"),))[0].rule == "undone"


def test_only_a_flag_or_the_setting_lets_the_guard_act():
    """Shadow is the default."""
    acts = Limits(shadow=False)
    assert [
        decided(OWN, ONE, limits, apply=apply)[0].verdict for limits in (Limits(), acts) for apply in (False, True)
    ] == [
        SHADOW,
        DO,
        DO,
        DO,
    ]


hosts = st.sampled_from([f"host:gpu{at:02d}" for at in range(5)])
doors = st.sampled_from(
    ["syslog/10.0.0.1", "ndjson/10.0.0.2", "file/host:gpu01/flows", "http/::1", "syslog", "", "host"]
)
subjects = st.sampled_from(["7", "8", "10.0.0.1", "eve", "gpu02", "0x01", "0x02"])
about = st.lists(st.one_of(hosts, st.sampled_from(["identity:eve", "job:slurm/lab/7", "cluster:lab"])), max_size=4)
signals = st.builds(
    lambda told, named, of_its_own, severity, confidence: signal(
        *told,
        about=(*named, *(one for one in told if of_its_own and one.startswith("host:"))),
        severity=severity,
        confidence=confidence,
    ),
    st.lists(st.one_of(hosts, hosts, doors), min_size=1, max_size=2),
    about,
    st.booleans(),
    st.integers(0, 100),
    st.floats(0, 1),
)
cuts = st.builds(
    lambda verb, place, subject, where, needed: cut(verb, place, subject, hosts=tuple(where), needed=needed),
    st.sampled_from([*VERBS, *ACTING]),
    st.one_of(hosts, hosts, st.sampled_from([FABRIC, "cluster:lab"])),
    subjects,
    st.lists(hosts, max_size=2, unique=True),
    st.booleans(),
)
KNOWN = Sources(
    holders=joined([("host:gpu00", "host:gpu01")]),
    runs={"7": {"job:slurm/lab/7": frozenset(["host:gpu01", "host:gpu02"])}},
    ports={"0x01": "host:gpu01", "0x02": "host:gpu02"},
    expiry_held=frozenset([FABRIC]),
)


def _mine(done: Cut, told: set[str]) -> bool:
    """Said once more, in other words than the guard's: the sender's own host, port or job."""
    job = KNOWN.runs.get(done.subject, {}).values() if done.verb == "block-job" else ()
    ports = KNOWN.ports.get(done.subject) if done.place == FABRIC else None
    return done.place in told or ports in told or any(told & where and done.place in where for where in job)


@settings(max_examples=400, deadline=None)
@given(st.lists(signals, max_size=3), st.lists(cuts, max_size=6, unique_by=lambda one: one.cut), st.randoms())
def test_made_up_telemetry_cuts_nobody_but_its_own_sender(made, planned, random):
    """Unless two independent sources vouch; and in whatever order the cuts come, they are decided alike."""
    of, case = plan(*planned), incident(*made)
    everything = Limits(up_to="hard", hosts_a_minute=3, second_person_above=100, severity=0, confidence=0.0)
    found = decided(of, case, everything, known=KNOWN)
    for one in found:
        if one.verdict != DO:
            continue
        told = {host_of(source) for each in made for source in each.sources} - {""}
        groups = {
            min(told & {"host:gpu00", "host:gpu01"}) if host in ("host:gpu00", "host:gpu01") else host for host in told
        }
        assert told
        assert len(groups) >= 2 or (VERBS[one.cut.verb].expires and _mine(one.cut, told))
    shuffled = list(planned)
    random.shuffle(shuffled)
    again = decided(msgspec.structs.replace(of, cuts=tuple(shuffled)), case, everything, known=KNOWN)
    assert {one.cut: one for one in again} == {one.cut: one for one in found}


@given(st.lists(signals.filter(lambda one: not any(map(host_of, one.sources))), max_size=5), st.lists(cuts, max_size=4))
def test_open_doors_alone_cut_nothing(made, planned):
    """However grave and however many."""
    found = decided(plan(*planned), incident(*made), Limits(up_to="hard", severity=0, confidence=0.0), known=KNOWN)
    assert all(one.verdict == HOLD for one in found)


def test_a_decision_depends_on_nothing_but_its_values():
    """Twice the same, and every grade has verbs that the table knows."""
    assert decided(MANY, ONE) == decided(MANY, ONE)
    assert {verb.grade for verb in VERBS.values()} == set(Grade)
