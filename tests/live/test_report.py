"""The report in a real browser: it draws, it expands, it asks nothing of any network, it runs no name."""

import pytest

from ringfence.app.assess import audit as desk
from ringfence.app.assess.threats import Threats, section
from ringfence.app.questions import Questions
from ringfence.app.report import write_report
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.threats import THREATS
from ringfence.synth import generate
from tests.live.browser import browser

pytestmark = pytest.mark.live

EVIL = "model:</script><img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report of a generated cluster with a hostile name in it, open in Chromium."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    evil = [
        Fact(EVIL, "stored_on", "storage:nfs-evil:/x"),
        Fact(EVIL, "readable_by", "identity:*"),
        Fact("host:login-evil", "mounts", "storage:nfs-evil:/x", {"mode": "rw"}),
    ]
    asked = Questions(estate_of([*generate(64, 3), *evil]))
    audit = desk.shown(desk.run(asked), asked.estate)
    threats = section(Threats(asked.estate, ["host:login-evil#user"], asked=asked))
    threats |= {"watched": True}
    threats["threats"][0]["live"] = "under way"
    write_report(asked, path, ["host:login-evil#user"], audit=audit, threats=threats)
    with browser() as opened:
        opened.open(path.as_uri())
        yield opened


def test_every_section_is_drawn(page):
    """Floor, paths, cuts, blast radius, threats, audit, jewels and holes stand on the page."""
    sections = page.run("return [...document.querySelectorAll('section')].map(s => s.id)")
    assert sections == ["floor", "paths", "choke", "blast", "threats", "audit", "jewels", "holes"]
    assert page.run("return document.querySelectorAll('#floor .tile').length") > 3


def test_it_asks_nothing_of_any_network(page):
    """No resource but the page itself, and the policy would forbid one."""
    assert page.run("return performance.getEntriesByType('resource').length") == 0
    policy = page.run("return document.querySelector('meta[http-equiv]').content")
    assert policy.startswith("default-src 'none'")


def test_a_hostile_name_is_shown_as_text_and_never_run(page):
    """A captured name with markup stays a name."""
    assert page.run("return document.title") == "Ringfence: what reaches the models"
    assert page.run("return document.querySelectorAll('img').length") == 0
    assert "onerror" in page.run("return document.querySelector('#jewels').innerText")


def test_the_audit_is_drawn_and_what_it_names_is_text(page):
    """Findings in a table; the hostile model is among them by its name."""
    assert page.run("return document.querySelectorAll('#audit table').length") >= 2
    assert page.run("return document.querySelectorAll('#audit tbody tr').length") > 5
    assert "onerror" in page.run("return document.querySelector('#audit').textContent")
    assert page.run("return document.querySelectorAll('#audit img').length") == 0


def test_what_is_not_known_is_the_same_in_the_audit_and_below(page):
    """The gaps stand in a table with what to collect, and no word says that everything was answered."""
    rows = "[...document.querySelector('#gaps ~ table').tBodies[0].rows]"
    cells = page.run(f"return {rows}.map(r => [...r.cells].map(c => c.innerText))")
    unknown = sum(int(row[0].replace(",", "")) for row in cells)
    assert unknown > 0
    assert all(all(row) for row in cells)
    said = page.run("return document.querySelector('#holes').innerText")
    assert f"The audit leaves {unknown:,} unknown" in said
    assert "was answered" not in said
    assert page.run("return [...document.querySelectorAll('#audit a, #holes a')].map(a => a.getAttribute('href'))") == [
        "#gaps"
    ]


def test_each_finding_has_the_id_of_its_check_and_the_words_of_the_screen(page):
    """One figure with one name: the sentence about the way is taken over, not computed anew."""
    rows = "[...document.querySelector('#audit table').tBodies[0].rows]"
    cells = page.run(f"return {rows}.map(r => [...r.cells].map(c => c.innerText))")
    assert all(row[1].startswith("RF-") for row in cells)
    assert any("minutes, " in row[4] and "to a jewel, first RF-M" in row[4] for row in cells)
    assert page.run("const s = document.querySelector('#audit'); return s.scrollWidth <= s.clientWidth")


def test_every_threat_is_a_row_the_open_ones_first(page):
    """With counts, phases, who sees it, and what the watch says of it now; the hostile model is an example as text."""
    rows = page.run("return [...document.querySelectorAll('#threats tbody tr')].map(r => r.innerText)")
    assert {row.split("RF.")[1].split()[0] for row in rows} == {threat.removeprefix("RF.") for threat in THREATS}
    states = page.run("return [...document.querySelectorAll('#threats tbody b.tag')].map(b => b.innerText)")
    order = ["open", "unknown", "mitigated", "nothing here"]
    assert states == sorted(states, key=order.index)
    assert states[0] == "open"
    assert "under way" in next(row for row in rows if "RF.T01" in row)
    assert "onerror" in page.run("return document.querySelector('#threats').textContent")
    assert page.run("return document.querySelectorAll('#threats img').length") == 0
    assert page.run("const s = document.querySelector('#threats'); return s.scrollWidth <= s.clientWidth")


def test_a_group_expands_to_its_hosts_on_demand(page):
    """At first groups only; a click shows the hosts of one."""
    assert page.run("return document.querySelectorAll('#floor .cell').length") == 0
    page.run("document.querySelector('#floor .tile').click()")
    assert page.run("return document.querySelectorAll('#floor .cell').length") > 0


def test_the_worst_path_is_drawn_step_by_step(page):
    """The way to the jewel that the foothold reaches."""
    assert page.run("return document.querySelectorAll('#paths svg g').length") >= 2
    assert page.run("return document.querySelectorAll('#paths ol li').length") >= 2
