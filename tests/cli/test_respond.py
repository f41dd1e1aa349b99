"""What a woken person reads and presses, through the real command line. The enforcers of the folders are fakes."""

import json
import re
import stat
import threading
import time

import msgspec
import pytest

from ringfence.app.guard import alerts, pages
from ringfence.app.guard.commands import Site
from ringfence.app.guard.screen import screen
from ringfence.cli import run
from ringfence.respond.values import DO, HOLD, Cut, Planned
from ringfence.store import actions
from tests.cli.guarded import CUTS, ID, JOB, Cluster, lines_of
from tests.respond import evidence_story


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """One incident, two cuts done by fakes, one held. No variable of ours names another folder."""
    for name in ("STATE", "WATCH", "SITE", "ESTATE", "GUARD"):
        monkeypatch.delenv(f"RINGFENCE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    made = Cluster(tmp_path)
    made.happened()
    return made


def told(capsys, *arguments: str) -> dict:
    """A command's JSON."""
    capsys.readouterr()
    run([*arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def test_the_screen_says_what_is_cut_what_waits_and_what_to_press(cluster, capsys):
    """In 80 columns, all but the line that sets the folders; and somebody is needed."""
    assert run(["respond", "show", "RF-0123", *cluster.folders]) == 3
    shown = capsys.readouterr().out
    assert "CUT IN PART: 2 cuts stand, read back; 1 waits for a person." in shown
    assert "gpu03 sends 118 MB/s" in shown
    assert "grade: expel is harder" in shown
    assert "cannot be undone: ended connections stay ended" in shown
    assert JOB in shown
    assert f"ringfence respond undo {ID} --apply" in shown
    assert "whole: " in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if "export RINGFENCE" not in line)


def test_the_same_for_programs(cluster, capsys):
    """States, since when, until when, what holds it."""
    found = told(capsys, "respond", "show", ID, *cluster.folders)
    assert (found["mood"], found["whole"], found["jobs"]) == ("waits", True, [JOB])
    by = {one["verb"]: one for one in (*found["cuts"], *found["held"])}
    assert by["block"]["state"] == "done"
    assert by["block"]["since"] < by["block"]["until"]
    assert by["end-flows"]["stays"] == "ended connections stay ended"
    assert by["cancel"]["rule"] == "grade"


def test_the_page_is_one_file_that_asks_for_nothing_and_shows_what_attackers_wrote_as_text(tmp_path, capsys):
    """A title and a reason that would be markup, colours of a terminal, or read from right to left."""
    evil = "</small><script>alert(1)</script>\x1b[31m\u202e[red]x"
    cluster = Cluster(tmp_path)
    signal = evidence_story.signal(why=evil)
    cluster.happened(evidence_story.incident(signals=(signal,), title=evil))
    out = tmp_path / "x.html"
    assert run(["respond", "show", ID, *cluster.folders, "-o", str(out)]) == 3
    page = out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "&lt;script&gt;alert(1)" in page
    assert "default-src 'none'" in page
    assert not {"\x1b", "\u202e"} & set(page)
    capsys.readouterr()
    run(["respond", "show", ID, *cluster.folders])
    shown = capsys.readouterr().out
    assert not {"\x1b", "\u202e"} & set(shown)
    assert "[red]x" in shown
    assert run(["respond", "show", ID, *cluster.folders, "-o", str(out)]) == 2


def test_evidence_that_was_changed_is_said_to_be_not_whole(cluster, capsys):
    """The rest is shown all the same."""
    entries = (cluster.state / "journal" / "tile" / "entries").rglob("[0-9]*")
    tile = max((one for one in entries if one.is_file()), key=lambda one: int(one.name))
    data = bytearray(tile.read_bytes())
    data[len(data) // 2] ^= 1
    tile.write_bytes(bytes(data))
    found = told(capsys, "respond", "show", ID, *cluster.folders)
    assert found["whole"] is False
    assert "NOT WHOLE" in found["evidence"][0]
    assert [one["verb"] for one in found["cuts"]] == ["block", "end-flows"]


def test_an_incident_of_which_nothing_is_cut_says_so_first(tmp_path, capsys):
    """All of it is held."""
    cluster = Cluster(tmp_path)
    cluster.happened(cuts=tuple((one, HOLD, "grade") for one, _, _ in CUTS))
    found = told(capsys, "respond", "show", ID, *cluster.folders)
    assert (found["mood"], found["says"]) == ("bad", "NOTHING IS CUT: 3 wait for a person.")


@pytest.mark.parametrize(
    ("planned", "says"),
    [
        ({"left": ("model:lab/weights",)}, "CUT, BUT NOT ENOUGH: 2 cuts stand, read back; 1 jewel stays IN REACH"),
        ({"lost": ("model:lab/weights",)}, "CUT, BUT TOO LATE FOR SOME OF IT: 2 cuts stand, read back; 1 jewel is TAK"),
    ],
)
def test_cuts_that_do_not_save_every_jewel_are_not_said_to_be_enough(tmp_path, capsys, planned, says):
    """Though all of them stand, and a guard runs that renews them."""
    cluster = Cluster(tmp_path)
    cluster.happened(cuts=CUTS[:2], **planned)
    with cluster.room.act({}, cluster.room.book()):
        found = told(capsys, "respond", "show", ID, *cluster.folders)
        assert run(["respond", "show", ID, *cluster.folders]) == 3
    assert found["mood"] == "bad"
    assert found["says"].startswith(says)


def test_all_is_well_only_while_a_guard_runs_that_renews_it(tmp_path, capsys):
    """None runs; one runs; one holds its lock and has said nothing for long."""
    cluster = Cluster(tmp_path)
    cluster.happened(cuts=CUTS[:2])
    show = ["respond", "show", ID, *cluster.folders]
    assert run(show) == 3
    assert "CUT, BUT NO GUARD KEEPS IT SO" in capsys.readouterr().out
    with cluster.room.act({}, cluster.room.book()):
        assert run(show) == 0
        assert "CUT: 2 cuts stand, read back. No cut waits for you." in capsys.readouterr().out
        silent = msgspec.json.encode(alerts.Status(time.time() - 2 * alerts.LATELY, True))
        (cluster.state / alerts.STATUS).write_bytes(silent)
        assert run(show) == 3
        assert run(["respond", "status", *cluster.folders]) == 3


def test_a_block_whose_time_is_over_is_not_said_to_stand(cluster):
    """Nobody has looked since: no guard runs."""
    later = screen(Site(cluster.state, cluster.home, cluster.site), ID, now=time.time() + 3600)
    assert later.mood == "bad"
    assert "1 EXPIRED, nobody renewed it" in later.says
    assert {one.verb: one.state for one in later.cuts} == {"block": "expired", "end-flows": "done"}
    assert "no guard runs here" in later.notes[0]


def test_how_the_guard_stands_names_what_needs_a_person(cluster, capsys):
    """What waits, that nobody renews, an open page, a stop; and each command that ends it."""
    cluster.paged()
    assert run(["stop", "a drill", "--state", str(cluster.state)]) == 0
    found = told(capsys, "respond", "status", *cluster.folders)
    needs = " ".join(found["needs"])
    assert found["counts"] == {"done": 2, "held": 1}
    assert found["held"] == {ID: 1}
    assert [one["incident"] for one in found["pages"]] == [ID]
    for one in ("a drill", "ringfence resume", "1 wait for a person", f"ringfence respond ack {ID}", "no guard runs"):
        assert one in needs
    assert run(["respond", "status", *cluster.folders]) == 3


def test_a_page_is_taken_once_and_the_journal_has_who_it_was(cluster, capsys):
    """Nobody else is woken then."""
    cluster.paged()
    assert run(["respond", "ack", "RF-0123", "--state", str(cluster.state)]) == 0
    assert "taken by" in capsys.readouterr().out
    assert all(one.taken_by for one in pages.listed(cluster.state))
    assert lines_of(cluster).count("respond.page") == 1
    assert run(["respond", "ack", "RF-0123", "--state", str(cluster.state)]) == 0
    assert re.search(rf"{ID}: \S+ has taken it already, \d\d:\d\d:\d\dZ, \d+ s ago", capsys.readouterr().out)
    assert run(["respond", "ack", "RF-none", "--state", str(cluster.state)]) == 2


def test_undo_of_everything_is_shown_first_and_asks_nothing(cluster, capsys):
    """What is taken back, what was not begun, what stays for good, and what another incident wants too."""
    other = evidence_story.incident("RF-aaaaaaaaaaaa")
    block = Planned(Cut("block", "host:gpu03", "192.88.99.10"), "the same", (), ("host:gpu03",))
    cluster.happened(other, ((block, DO, "own"),))
    alone = told(capsys, "respond", "undo", "RF-0123", *cluster.folders)
    assert [one["verb"] for one in alone["would_undo"]] == ["end-flows"]
    assert [one["verb"] for one in alone["not_begun"]] == ["cancel"]
    assert "RF-aaaaaaaaaaaa wants it too" in alone["shared"][0]["why"]
    every = told(capsys, "respond", "undo", "--all", *cluster.folders)
    assert sorted(one["verb"] for one in every["would_undo"]) == ["block", "block", "end-flows"]
    assert [one["why"] for one in every["stays"]] == ["ended connections stay ended"]
    assert actions.counted(cluster.room.ledger.database) == {"done": 3, "held": 1}
    assert run(["respond", "undo", "--all", *cluster.folders]) == 0
    assert "nothing was changed: --apply" in capsys.readouterr().out


def test_undo_is_done_by_the_guard_that_runs_and_needs_no_estate(cluster, capsys):
    """One cut of it, then all; each equal to what was there before."""
    over = threading.Event()
    lanes = {(one.target, one.where): one for one in cluster.enforcers.values()}
    with cluster.room.act(lanes, cluster.room.book()) as act:
        guard = threading.Thread(target=act.run, args=(over,))
        guard.start()
        try:
            asked = ["respond", "undo", ID, *cluster.folders, "--estate", "absent.estate", "--apply"]
            block = actions.listed(cluster.room.ledger.database)[0].id
            assert run([*asked, "--cut", block[:10]]) == 0
            assert cluster.enforcers["contain"].there == ""
            assert run(asked) == 0
        finally:
            over.set()
            guard.join(20)
    assert "cannot be undone" in capsys.readouterr().out
    assert actions.counted(cluster.room.ledger.database) == {"undone": 3}
    assert told(capsys, "respond", "show", ID, *cluster.folders)["says"].startswith("NOTHING IS CUT ANY MORE")


@pytest.mark.parametrize("named", [[], [ID, "--all"], ["RF-none"]])
def test_an_undo_that_is_not_clear_is_refused(cluster, named):
    """Nothing, everything and something, or what is not there."""
    assert run(["respond", "undo", *named, *cluster.folders]) == 2


def test_what_is_listed_may_be_named_by_the_beginning_of_its_id(cluster, capsys):
    """As on a page that somebody reads aloud."""
    assert [one["verb"] for one in told(capsys, "respond", "list", "RF-01", "--state", str(cluster.state))] == [
        "block", "end-flows", "cancel",
    ]  # fmt: skip


def test_a_screen_encodes_as_it_is_documented(cluster, capsys):
    """No key that is not text, and times that are seconds."""
    found = told(capsys, "respond", "show", ID, *cluster.folders)
    assert msgspec.json.encode(found)
    assert found["setup"]["RINGFENCE_STATE"] == str(cluster.state)
    assert found["opened"] == evidence_story.START


def test_a_person_reads_titles_and_whole_words(tmp_path, capsys):
    """Not the number of a Sigma rule; what is too long says that it goes on."""
    named = "0b06c89e-5d41-4d0b-9b3b-6a0e0a4a5a01"
    signal = evidence_story.signal(named, title="A key is copied", why="somebody copies " + "another key " * 40)
    cluster = Cluster(tmp_path)
    cluster.happened(evidence_story.incident(signals=(signal,)), CUTS[:2], unknown=("nobody answers at " * 30,))
    assert run(["respond", "show", ID, *cluster.folders]) == 3
    shown = " ".join(capsys.readouterr().out.split())
    assert named not in shown
    assert re.search(r"(another|key) … \(A key is copied, by agent/gpu03\)", shown)
    assert re.search(r"the plan: .* (nobody|answers|at) …", shown)


def test_a_host_that_nothing_was_ever_cut_on_is_not_said_to_be_open(cluster, capsys):
    """Its name may be a wrong one: nothing is kept for it. The one that is cut is opened."""
    assert run(["release", "nosuchhost", "--state", str(cluster.state)]) == 1
    assert "host:nosuchhost is not known here" in capsys.readouterr().out
    assert "respond.released" not in lines_of(cluster)
    assert run(["release", "gpu03", "--state", str(cluster.state)]) == 1
    assert "No guard runs" in capsys.readouterr().out
