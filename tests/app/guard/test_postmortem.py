"""An account of an incident from a real estate, a real journal and the reach graph."""

import msgspec
import pytest

from ringfence.app.fence.ledger import Ledger
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.postmortem import account
from ringfence.app.questions import Questions
from ringfence.estate.estate import estate_of
from ringfence.respond.pattern import encode, read
from ringfence.respond.postmortem import as_markdown
from ringfence.synth import draw, facts
from ringfence.watch.values import Stake
from tests.respond import evidence_story


@pytest.fixture(scope="module")
def estate():
    return estate_of(facts(draw(32, 7)))


@pytest.fixture(scope="module")
def way(estate):
    """(a foothold, the jewel that is nearest to it, the steps between them)."""
    asked = Questions(estate)
    start = asked.default_footholds()[0]
    reached = {one["entity"]: one for one in asked.reach([start])["reached"]}
    jewel = min(asked.text(at) for at in asked.jewel_positions if asked.text(at).rpartition("#")[0] in reached)
    return start, jewel, asked.paths([start], jewel, 1)[0]["steps"]


@pytest.fixture
def state(tmp_path):
    ledger = Ledger(tmp_path / "state").make()
    _ = ledger.database
    Book(ledger).write(evidence_story.story())
    return ledger.folder


def incident(way):
    start, jewel, steps = way
    chain = (start, steps[len(steps) // 2]["to"])
    return evidence_story.incident(chain=chain, stake=Stake((jewel.rpartition("#")[0],), 2, (1.0, 5.0), True))


def test_the_root_cause_is_the_estates_way_from_the_first_foothold_to_the_jewel(state, estate, way):
    """Each link rests on moves with their facts; choke points lie on the way."""
    found = account(state, incident(way), estate).report
    assert found.chain[0].start == way[0]
    assert found.chain[-1].to.startswith(way[1].rpartition("#")[0])
    assert all(link.hops for link in found.chain)
    assert all(hop.because for link in found.chain for hop in link.hops)
    on_way = {hop.move for link in found.chain for hop in link.hops}
    ends = {p.rpartition("#")[0] for link in found.chain for hop in link.hops for p in (*hop.start, hop.to)}
    assert found.stoppers
    assert all(one.what in (on_way if one.kind == "move" else ends) and one.jewels for one in found.stoppers)


def test_its_pattern_names_nobody_of_the_estate(state, estate, way):
    """No id that the estate has, but for what our moves name themselves."""
    found = account(state, incident(way), estate).pattern
    data = encode(found)
    assert read(data) == found
    assert found.steps
    text = data.decode()
    for fact in estate.facts("may_login"):
        assert f'"{fact.subject}"' not in text
        assert f'"{fact.object}"' not in text
    assert {node.value for node in found.nodes if node.kind} <= {"", "outside:internet", "network:internet"}


def test_without_an_estate_the_account_says_what_it_does_not_know(state):
    """The timeline and the cuts are there all the same."""
    found = account(state, evidence_story.incident())
    assert found.report.chain == ()
    assert "no estate was asked" in found.report.unknown[0]
    assert len(found.report.cuts) == 3
    assert found.pattern.verbs == ("block", "end-flows", "cancel")
    assert "no estate was asked" in as_markdown(found.report)


def test_positions_that_the_estate_does_not_have_are_said_to_be_unknown(state, estate):
    """An incident about hosts of yesterday."""
    found = account(state, evidence_story.incident(), estate).report
    assert all(not link.hops for link in found.chain)
    assert any("knows no way from identity:mallory" in one for one in found.unknown)
    msgspec.json.encode(found)


def test_an_incident_without_a_chain_and_a_folder_without_a_journal_are_told(tmp_path, estate):
    """Nothing is made on disk by asking."""
    found = account(tmp_path / "nowhere", evidence_story.incident(chain=()), estate).report
    assert "the incident has no chain of positions" in found.unknown
    assert "the journal has no line of this incident" in found.unknown
    assert not (tmp_path / "nowhere").exists()
