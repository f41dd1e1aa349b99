"""What a guard tells people and witnesses while it runs: real pages over HTTP, a real journal, a witness's file."""

import json
import shutil
import subprocess
import sys
import time

import msgspec
import pytest

from ringfence.app.estates import save_estate
from ringfence.app.guard import alerts, pages, settings, standing
from ringfence.app.guard.alerts import LATELY, Alerts
from ringfence.app.guard.commands import Site
from ringfence.app.guard.level import level_of, why_of
from ringfence.app.guard.responder import Answer
from ringfence.app.guard.settings import Telling
from ringfence.app.watch.incidents import keep
from ringfence.cli import run
from ringfence.errors import InputError
from ringfence.estate.estate import estate_of
from ringfence.respond.values import DO, HOLD, SHADOW, Decision, Planned
from ringfence.store import actions
from tests.app.guard.test_pages import served
from tests.cli.guarded import ID, Cluster, lines_of
from tests.respond import acting, evidence_story
from tests.respond import test_plan as small
from tests.respond.fakes import LyingFake


def answer(*verdicts: str) -> Answer:
    """The story's plan, its first cuts judged so."""
    cuts: tuple[Planned, ...] = evidence_story.CUTS[: len(verdicts)]
    said = tuple(Decision(one.cut, verdict, "own", "") for one, verdict in zip(cuts, verdicts, strict=True))
    return Answer(evidence_story.incident(), evidence_story.plan(cuts=cuts), said)


def until(true, seconds=40.0):
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    assert true()


@pytest.fixture
def cluster(tmp_path):
    """A guard's folder in which nothing was done yet."""
    return Cluster(tmp_path)


def telling(cluster, url, *witnesses):
    return Telling(tuple(witnesses), pages.Settings((f"{url}/first?token=hunter2",)))


def test_somebody_is_woken_once_for_an_incident_and_again_when_it_gets_graver(cluster):
    """Each try is a line of evidence, which names the pager's host and not its address."""
    book = cluster.room.book()
    with served() as pagers, Alerts(cluster.state, telling(cluster, pagers.url), book, print).running() as told:
        told.saw(answer(DO))
        until(lambda: len(pagers.got) == 1)
        told.saw(answer(DO))
        told.saw(answer(DO, DO, HOLD))
        until(lambda: len(pagers.got) == 2)
        told.saw(answer(DO, DO, HOLD))
        until(lambda: lines_of(cluster).count("respond.page") == 2)
    bodies = [json.loads(data) for _, _, data in pagers.got]
    assert [one["counts"]["held"] for one in bodies] == [0, 1]
    assert bodies[1]["press"][0] == f"ringfence respond ack {ID}"
    assert b"hunter2" not in b"".join(
        one.read_bytes() for one in (cluster.state / "journal").rglob("*") if one.is_file()
    )


def test_what_stands_already_is_not_said_to_be_ordered():
    """One of three is new."""
    told = answer(DO, DO, DO)
    stands = tuple(msgspec.structs.replace(one, rule="stands") for one in told.decisions[:2])
    told = msgspec.structs.replace(told, decisions=(*stands, told.decisions[2]))
    level = level_of(told)
    assert level is not None
    assert why_of(told, level) == "1 ordered, 2 stand already"


def test_a_guard_that_begins_again_wakes_nobody_for_what_was_paged(cluster):
    """It looks at every open incident anew, and a softer cut is no news."""
    book = cluster.room.book()
    with served() as pagers:
        for _ in range(2):
            with Alerts(cluster.state, telling(cluster, pagers.url), book, print).running() as told:
                told.saw(answer(DO, DO, HOLD))
                told.saw(answer(DO))
                until(lambda told=told: told._waiting.empty() and pagers.got)
    assert len(pagers.got) == 1


def test_somebody_is_woken_for_an_order_that_does_not_come_about(cluster):
    """A place that says yes and does nothing: what was ordered is not what stands."""
    site = acting.Site(cluster.state, LyingFake("contain", acting.HOST))
    with site.act() as act:
        act.submit(ID, acting.do([acting.BLOCK]))
        until(lambda: not act.settle(0.1) and actions.listed(site.database)[0].tries >= alerts.TRIED)
    with served() as pagers:
        told = telling(cluster, pagers.url)
        with Alerts(cluster.state, told, cluster.room.book(), print).running():
            until(lambda: pagers.got)
    assert "NOT CUT" in json.loads(pagers.got[0][2])["why"]


def test_shadow_mode_wakes_nobody(cluster):
    """Nothing is done, and nothing waits."""
    said = Telling((), pages.Settings(("http://127.0.0.1:1/hook",)))
    with Alerts(cluster.state, said, cluster.room.book(), print, applies=False).running() as told:
        told.saw(answer(SHADOW, HOLD))
    assert pages.listed(cluster.state) == []
    assert level_of(answer(SHADOW)) is None


def test_a_witness_has_the_heads_and_a_rewritten_journal_is_said_aloud(cluster, tmp_path):
    """Somebody is woken too, and it stands in what `respond status` reads."""
    heads, said = tmp_path / "heads", []
    book = cluster.room.book()
    with Alerts(cluster.state, Telling((f"file:{heads}",)), book, said.append).running():
        book.write(evidence_story.story())
        until(lambda: heads.exists() and b'"head"' in heads.read_bytes())
    assert said == []
    shutil.rmtree(cluster.state / "journal")
    fewer = cluster.room.book()
    fewer.write(evidence_story.story()[:1])
    whom = Telling((f"file:{heads}",), pages.Settings(("http://127.0.0.1:1/hook",)))
    with Alerts(cluster.state, whom, fewer, said.append).running():
        until(lambda: any(one.startswith("WITNESS") for one in said))
        until(lambda: pages.listed(cluster.state, "journal"))
    (need, *_) = [
        one for one in standing.standing(Site(cluster.state, cluster.home, cluster.site)).needs if "witness" in one
    ]
    assert "rewritten" in need


def test_how_it_stands_is_on_disk_and_a_silent_guard_is_noticed(cluster):
    """One that ended in order is not silent."""
    with Alerts(cluster.state, Telling(), cluster.room.book(), print).running():
        until(lambda: alerts.status(cluster.state) is not None)
    site = Site(cluster.state, cluster.home, cluster.site)
    assert alerts.status(cluster.state).over
    assert standing.standing(site).needs == ()
    path = cluster.state / alerts.STATUS
    path.write_bytes(path.read_bytes().replace(b'"over":true', b'"over":false'))
    (need,) = standing.standing(site, time.time() + 2 * LATELY).needs
    assert "it hangs, was killed, or its disk is full" in need


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('witnesses = ["nobody"]', "https://HOST"),
        ('witnesses = ["http://10.0.0.1/x"]', "use https"),
        ('witnesses = ["file:heads"]', "write file:/path"),
        ('[pages]\nurls = ["http://pager.example/hunter2"]', "use https"),
        ("[pages]\nminutes = 0", "no time to wait"),
        ('[pages]\nurl = "https://pager.example"', "unknown field"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_without_telling_secrets(tmp_path, text, says):
    """Before the guard begins."""
    (tmp_path / "guard.toml").write_text(text)
    with pytest.raises(InputError, match=says) as raised:
        settings.telling(tmp_path)
    assert "hunter2" not in raised.value.what


def test_limits_and_whom_to_tell_are_one_file(tmp_path):
    """Every setting has a meaning."""
    (tmp_path / "guard.toml").write_text(
        'up_to = "block"\nwitnesses = ["file:/mnt/heads"]\n[pages]\nurls = ["https://pager.example/x"]\nminutes = 5\n'
    )
    assert settings.of(tmp_path).up_to == "block"
    found = settings.telling(tmp_path)
    assert (found.witnesses, found.pages.minutes) == (("file:/mnt/heads",), 5)
    assert set(settings.SETTINGS) == set(settings._File.__struct_fields__)


def test_a_guard_that_runs_wakes_somebody_and_tells_its_witness(tmp_path, capsys):
    """The process itself: an incident that was left open, no enforcer, and a person who takes the page and reads."""
    estate, heads, state, home = (tmp_path / name for name in ("cluster.estate", "heads", "state", "home"))
    save_estate(estate_of(small.cluster()), estate)
    keep(home, [small.incident(small.leak(), small.signal("RF.D71", sources=("host:store/exec",)))], {})
    state.mkdir(mode=0o700)
    folders = ["--state", str(state), "--home", str(home), "--site", str(tmp_path / "fence.toml")]
    command = [sys.executable, "-m", "ringfence", "guard", "--on", f"ndjson-unix:{tmp_path / 'x.sock'}", "--apply"]
    with served() as pagers:
        (state / "guard.toml").write_text(f'witnesses = ["file:{heads}"]\n[pages]\nurls = ["{pagers.url}/hook"]\n')
        named = [*command, "--estate", str(estate), *folders]
        with subprocess.Popen(named, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as guard:
            try:
                until(lambda: guard.poll() is not None or (pagers.got and heads.exists()), 60.0)
                assert guard.poll() is None, guard.stderr.read()
                assert run(["respond", "status", *folders]) == 3
                assert run(["respond", "ack", "RF-1", "--state", str(state)]) == 0
                assert run(["respond", "show", "RF-1", *folders]) == 3
                assert run(["respond", "status", *folders]) == 0
            finally:
                guard.terminate()
            assert guard.wait(30) == 0
    shown = capsys.readouterr().out
    body = json.loads(pagers.got[0][2])
    assert (body["incident"], "NOTHING CAN BE CUT here" in body["why"]) == ("RF-1", True)
    assert "guard: one runs, and acts" in shown
    assert str(estate) in shown
    assert alerts.status(state).over


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["release", "gpu01", "--token", "-", "--socket", "absent.sock"], "no enforcer answers"),
        (["enforcer", "ask", "release", "--token-file", "-"], "is not a release token"),
        (["enrol", "join", "--server", "127.0.0.1:1", "--token-file", "-", "--dir", "absent"], "is not a token"),
    ],
)
def test_a_token_may_come_from_standard_input(asked, says, capfd):
    """A bare hyphen is no option; nothing comes here."""
    assert run(asked) != 0
    assert says in capfd.readouterr().err


def test_a_guard_of_recordings_says_that_it_keeps_nothing(tmp_path, capsys):
    """And which command does."""
    estate, log = tmp_path / "cluster.estate", tmp_path / "auth.log"
    save_estate(estate_of(small.cluster()), estate)
    log.write_text("2026-11-01T08:00:00.000000+00:00 gpu0001 sshd[71]: Server listening on 10.0.0.1 port 22.\n")
    assert run(["guard", str(log), "--estate", str(estate), "--state", str(tmp_path / "state")]) == 0
    assert "`ringfence watch FILE…` keeps incidents" in capsys.readouterr().out
