"""Flows of a batch are added up once, whoever asks."""

from ringfence.watch.detectors import clock_skew
from ringfence.watch.rows import allowed, entities, foothold, holds, matching, noticed, who
from ringfence.watch.site import Nowhere
from ringfence.watch.talk import talk
from ringfence.wire.ocsf import classes
from tests.watch.events import FakeSite, batch, event, flow, view


def test_the_same_flow_is_one_place_with_its_sums():
    """By host, target, port, job, account and program."""
    one = batch(flow(1, "a", "11.1.1.1", out=5), flow(2, "a", "11.1.1.1", out=7), flow(3, "a", "10.1.1.1", out=1))
    flows = talk(one, Nowhere(), classes.NETWORK)
    assert (len(flows), flows.out.tolist(), flows.count.tolist()) in ((2, [12, 1], [2, 1]), (2, [1, 12], [1, 2]))
    assert sorted(zip(flows.outside.tolist(), flows.out.tolist(), strict=True)) == [(False, 1), (True, 12)]
    assert talk(one, Nowhere(), classes.NETWORK) is flows


def test_inbound_flows_are_not_their_hosts():
    """Their opener tells them."""
    one = batch(flow(1, "a", "11.1.1.1", connection_info__direction="inbound"), flow(2, "a", "11.1.1.2"))
    assert len(talk(one, Nowhere(), classes.NETWORK)) == 1


def test_ports_and_bytes_from_anybody_are_taken():
    """Numbers at the ends of what fits."""
    odd = [flow(at, "a", f"11.1.1.{at}", port=port, out=port) for at, port in enumerate((0, -1, 2**62, -(2**62), 443))]
    flows = talk(batch(*odd), Nowhere(), classes.NETWORK)
    assert len(flows) == 5
    assert min(flows.out.tolist()) == 0


def test_peers_are_asked_for_once():
    """By the distinct target."""
    flows = talk(batch(flow(1, "a", "10.0.0.1")), FakeSite(addresses={"10.0.0.1": "b"}), classes.NETWORK)
    assert flows.peers[int(flows.codes(1)[0])] == "b"


def test_who_did_it_is_read_by_class_and_told_by_its_event():
    """Of a started process its own account."""
    one = batch(event(classes.PROCESS, 1, 1, "h", process__user__name="ada", process__name="sh", job__uid="odd"))
    doer = who(one, 0)
    assert entities(doer) == ("host:h", "job:odd", "identity:ada")
    assert foothold(doer) == ("host:h#user", "identity:ada#use")


def test_a_sentence_holds_no_control_characters():
    """Whatever a name holds."""
    doer = who(batch(event(classes.PROCESS, 1, 1, "h\x1b")), 0)
    assert "\x1b" not in noticed(clock_skew.about, doer, "k", "of \x1b[31m \u202e").why


def test_texts_are_matched_by_their_words_first():
    """And the policy is only asked what it can judge."""
    one = batch(*(event(classes.PROCESS, 1, 1, process__cmd_line=text) for text in ("curl x", "ls", "curl y | sh")))
    assert matching(one, "process.cmd_line", one.rows(classes.PROCESS), r"\|\s*sh", ("curl",)).tolist() == [2]
    assert holds("a curl", ("curl",))
    assert allowed(view(site=FakeSite(rules={("a", "b"): True})), "a", "b", "tcp", 22) is True
    assert allowed(view(site=FakeSite(rules={("a", "b"): True})), "a", "b", "odd", 22) is None
