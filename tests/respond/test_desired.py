"""The document of a place: the union of what all incidents want, whatever the path that led there."""

import random

from hypothesis import given
from hypothesis import strategies as st

from ringfence.respond import verify
from ringfence.respond.desired import Wanted, desired, thing_of, unsayable
from ringfence.respond.values import Cut
from ringfence.respond.verbs import VERBS
from ringfence.wire import contain
from ringfence.wire.contain import OnHost, OnScheduler, Sessions, Until

HOST = "host:gpu01"
NOW = 1000.0
BLOCK, ENDED = Cut("block", HOST, "10.0.0.9"), Cut("end-flows", HOST, "10.0.0.9")


def on_host(*wanted, **more):
    return contain.decode(desired("contain", HOST, wanted, now=NOW, **more), OnHost)


WANTED = st.builds(
    lambda verb, at, until, who: Wanted(Cut(verb, HOST, f"10.0.0.{at}"), until, who),
    st.sampled_from(["block", "throttle", "watch-closer", "isolate", "end-flows"]),
    st.integers(1, 4),
    st.sampled_from([0, 900, 1100, 1200]),
    st.sampled_from(["one", "two"]),
)


@given(st.lists(WANTED, max_size=12), st.randoms(use_true_random=False))
def test_the_document_depends_on_what_is_wanted_and_not_on_the_order(wanted, seeded: random.Random):
    """Forward, backward, shuffled, and with each thing said twice."""
    shuffled = seeded.sample(wanted, len(wanted))
    for target in ("contain", "flows"):
        texts = {desired(target, HOST, one, ("10.0.0.1",), NOW) for one in (wanted, wanted[::-1], shuffled, wanted * 2)}
        assert len(texts) == 1


@given(st.lists(WANTED, max_size=12))
def test_taking_an_incident_back_is_the_document_without_it(wanted):
    """Nothing of it is left but what the other wants too, and of the other's nothing is lost."""
    others = [one for one in wanted if one.incident == "two"]
    left = verify.holdings(verify.document("contain", desired("contain", HOST, others, now=NOW)), NOW)
    mine = [one for one in others if one.cut.target == "contain" and (not one.until or one.until > NOW)]
    assert left.keys() == {thing_of(one.cut) for one in mine}


def test_of_the_same_thing_the_latest_end_wins_and_never_is_the_latest():
    """Two incidents, one address."""
    assert on_host(Wanted(BLOCK, 1100), Wanted(BLOCK, 1200)).blocked == (Until("10.0.0.9", 1200),)
    assert on_host(Wanted(BLOCK, 1100), Wanted(BLOCK, 0)).blocked == (Until("10.0.0.9"),)


def test_what_has_lapsed_or_belongs_elsewhere_is_not_in_it():
    """Another place, another driver, a second that is over."""
    elsewhere = Wanted(Cut("block", "host:gpu02", "10.0.0.9"), 1200)
    assert desired("contain", HOST, [elsewhere, Wanted(BLOCK, 1000), Wanted(ENDED)], ("10.0.0.1",), NOW) == ""


def test_flows_get_the_document_of_their_host_if_any_is_to_be_ended():
    """So that what is ended is what is blocked."""
    assert desired("flows", HOST, [Wanted(BLOCK, 1200)], now=NOW) == ""
    both = [Wanted(BLOCK, 1200), Wanted(ENDED)]
    assert desired("flows", HOST, both, now=NOW) == desired("contain", HOST, both, now=NOW) != ""


def test_what_stays_reachable_is_said_beside_what_is_cut():
    """Once each, in order."""
    found = on_host(
        Wanted(Cut("isolate", HOST, "it sends weights out"), 1200), keep=("10.0.0.2", "10.0.0.1", "10.0.0.2")
    )
    assert (found.keep, found.isolated) == (("10.0.0.1", "10.0.0.2"), (Until("it sends weights out", 1200),))


def test_logins_are_told_by_account_or_by_address():
    """As the cut names them."""
    cuts = [Cut("end-sessions", HOST, "bob"), Cut("end-sessions", HOST, "2001:db8::7")]
    text = desired("sessions", HOST, map(Wanted, cuts))
    assert contain.decode(text, Sessions) == Sessions(("bob",), ("2001:db8::7",))


def test_a_scheduler_has_accounts_jobs_and_nodes_in_one_document():
    """So that its driver does all of it in one go."""
    cuts = [Cut("limit-user", "cluster:c", "bob"), Cut("cancel", "cluster:c", "17"), Cut("drain", "cluster:c", "gpu01")]
    found = contain.decode(desired("scheduler", "cluster:c", map(Wanted, cuts)), OnScheduler)
    assert (found.users, found.jobs, found.nodes) == (("bob",), ("17",), ("gpu01",))


def test_what_no_document_can_say_is_named():
    """An account of a thousand letters must not make a whole plan fail."""
    assert "cannot be said" in unsayable(Cut("block-user", HOST, "x" * 1000))
    assert "no name" in unsayable(Cut("block", HOST, ""))
    assert unsayable(Cut("block", HOST, "a\nb"))
    assert unsayable(BLOCK) == ""


def test_every_verb_has_a_document():
    """One line in the table is all that a verb needs."""
    for name, verb in VERBS.items():
        assert desired(verb.target, HOST, [Wanted(Cut(name, HOST, "10.0.0.1")), Wanted(BLOCK)])


def test_things_are_compared_by_what_they_mean():
    """Drivers read back from the kernel, from a fabric, from sshd."""
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBUO2mgkVLSkcbDW0tvZcjSCfQm8GgXR0b4v1hQCOtVL me@here"
    (field, print_) = verify.thing("revoked", key)
    assert field == "revoked"
    assert print_.startswith("SHA256:")
    assert verify.thing("revoked", print_) == (field, print_)
    assert verify.thing("blocked", "10.0.0.9") == verify.thing("blocked", "10.0.0.9/32")
    assert verify.thing("ports", "0x10") == verify.thing("ports", "0x0000000000000010")
    assert verify.thing("isolated", "why") == verify.thing("isolated", "another why")


def test_a_comparison_names_what_is_missing_too_much_and_too_short():
    """What is held for less long than was asked is missing; a few seconds do not count."""

    def text(*wanted):
        return desired("contain", HOST, wanted)

    other = Cut("block", HOST, "10.0.0.8")
    wanted = text(Wanted(BLOCK, 1200))
    assert verify.compare("contain", wanted, text(Wanted(BLOCK, 1197)), NOW).holds
    assert verify.compare("contain", wanted, text(Wanted(BLOCK, 1100)), NOW).early == {thing_of(BLOCK)}
    assert verify.compare("contain", wanted, text(Wanted(BLOCK)), NOW).early == {thing_of(BLOCK)}
    found = verify.compare("contain", wanted, text(Wanted(other, 1200)), NOW)
    assert (found.missing, found.extra) == ({thing_of(BLOCK)}, {thing_of(other)})


def test_differences_from_before_are_named_thing_by_thing():
    """And what is no document at all is told as that."""
    one, two = (desired("contain", HOST, [Wanted(cut)]) for cut in (BLOCK, Cut("block", HOST, "10.0.0.8")))
    assert verify.same("contain", one, one, NOW) == ()
    assert verify.same("contain", one, two, NOW) == (
        "blocked 10.0.0.9/32 was there before, and is not there",
        "blocked 10.0.0.8/32 is there, and was not there before",
    )
    assert "not a document" in verify.same("contain", "", "flush ruleset", NOW)[0]
