"""The kinds of attack: told on their page, played only in the lab, over when the trial is, and nothing is left."""

import ast
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ringfence.app.lab import carry, run, sink, trainer
from ringfence.app.lab.kinds import ALL, KINDS
from ringfence.app.lab.kinds.programs import forge, mine, pool, scan, tamper
from ringfence.app.lab.layout import ACCOUNTS, Layout
from ringfence.app.lab.processes import wait
from ringfence.app.lab.stage import Stage, snapshot
from ringfence.wire.ocsf import classes
from tests.live.labs import lab

PAGE = Path(__file__).resolve().parents[3] / "docs" / "design" / "lab.md"
ALONE = (carry, sink, trainer, mine, pool, scan, tamper)
ELSEWHERE = "203.0.113.7"


def test_every_kind_stands_on_the_page_and_nothing_else_does():
    """A heading each, in the order in which they are listed; a kind is called as its module."""
    headings = [line.removeprefix("### ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("### ")]
    assert headings == [one.about.name for one in ALL] == list(KINDS)
    assert all(one.__name__.endswith(f".{one.about.name}") for one in ALL)


@pytest.mark.parametrize("kind", ALL, ids=KINDS)
def test_every_kind_says_what_it_is_and_ends(kind):
    """A title, a sentence or two, what is seen of it; and a time after which it is over at any rate."""
    assert kind.about.title
    assert kind.about.seen
    assert kind.about.what.endswith(".")
    assert all(0 < kind.longest(rate) < 200 for rate in (0.0, 12.5e6, 125e6))


@pytest.mark.parametrize("program", ALONE, ids=lambda one: one.__name__.rpartition(".")[2])
def test_what_runs_in_the_machines_needs_nothing_but_the_standard_library(program):
    """They are started with the system's own Python."""
    tree = ast.parse(Path(program.__file__).read_text())
    found = {one.names[0].name for one in ast.walk(tree) if isinstance(one, ast.Import)}
    found |= {str(one.module) for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in found} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (carry, ("10.77.0.4:9000/weights.bin", f"{ELSEWHERE}:443", "0", "LOG")),
        (scan, ("LOG", "ssh.conf", "10.77.1.1", ELSEWHERE)),
        (scan, ("LOG", "ssh.conf", ELSEWHERE, "10.77.1.1")),
        (mine, ("-o", f"stratum+tcp://{ELSEWHERE}:3333", "LOG", "1")),
        (pool, (ELSEWHERE, "3333", "1")),
        (forge, ("agent", ELSEWHERE, "8444", "LOG", "1", "gpu01=10.77.1.1")),
        (forge, ("agent", "10.77.0.2", "8444", "LOG", "1", f"gpu01={ELSEWHERE}")),
    ],
)
def test_no_program_speaks_with_anybody_outside_the_lab(program, words, tmp_path):
    """It refuses before it opens anything, and has not begun."""
    log = tmp_path / "log"
    argv = [sys.executable, program.__file__, *(str(log) if one == "LOG" else one for one in words)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode
    assert "network" in done.stderr
    assert not log.exists()


def test_a_dataset_is_as_before_when_the_time_is_over_or_the_program_is_ended(tmp_path):
    """It is rewritten in between."""
    shard = tmp_path / "shard01.tar"
    shard.write_bytes(bytes(range(256)) * 64)
    before = shard.read_bytes()
    argv = [sys.executable, tamper.__file__, str(tmp_path), str(tmp_path / "log")]
    assert subprocess.run([*argv, "0"], timeout=20, check=False).returncode == 0
    assert shard.read_bytes() == before
    with subprocess.Popen([*argv, "50"]) as ended:
        assert wait(lambda: shard.read_bytes() != before, 10)
        ended.send_signal(signal.SIGTERM)
        ended.wait(10)
    assert shard.read_bytes() == before


def test_a_miner_and_its_pool_understand_each_other():
    """Each request is answered."""
    here, there = socket.socketpair()
    with here, there:
        answering = threading.Thread(target=pool.answer, args=(there, time.monotonic() + 10))
        answering.start()
        mine.ask(here, 1, "mining.subscribe", ["x"])
        mine.ask(here, 2, "mining.submit", ["x"])
        here.shutdown(socket.SHUT_WR)
        answering.join(10)
        assert not answering.is_alive()


def test_a_scan_finds_what_listens_and_nothing_else():
    """A port that refuses is none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert scan.opens("127.0.0.1", port)
    assert not scan.opens("127.0.0.1", port)


def test_lies_are_sent_until_they_are_taken_and_name_the_others():
    """Under new numbers when the connection was lost; each of the lies is about a host that did nothing."""
    made = list(forge.blocks("gpu01", {"gpu03": "10.77.1.3"}))
    assert len(made) == 1 + forge.FLOOD + forge.AGAIN
    assert made[0].data == made[-1].data
    assert made[0].first == made[-1].first
    assert b"gpu03" in made[0].data
    assert b"gpu03" not in made[1].data
    told = {one.class_uid for one in forge.about("gpu01", "gpu03", "10.77.1.3")}
    assert {classes.NETWORK, classes.JOB, classes.TELEMETRY, classes.AUTHENTICATION, classes.FILE} == told
    feed = forge.Forged(made[:2])
    first = feed.next(1)
    assert first is not None
    assert first.number == 1
    feed.rewind()
    assert [one.number for one in (feed.next(1), feed.next(2)) if one] == [1, 2]
    assert feed.next(3) is None
    assert not feed.over.is_set()
    feed.took(1), feed.took(2)
    assert feed.over.is_set()
    assert feed.taken == 2


@pytest.fixture(scope="module")
def up():
    """A lab with nothing on."""
    with lab(4) as layout:
        yield layout


@pytest.mark.parametrize(
    ("kind", "comes_to"),
    [("stolen_key", "sent"), ("malicious_job", "sent"), ("story", "sent"), ("agent_killed", "sent"),
     ("scan_and_pivot", "reached"), ("mining", "connected"), ("dataset_tampering", "rewritten"),
     ("partition_tampering", "")],
)  # fmt: skip
def test_what_was_played_leaves_nothing(up, kind, comes_to):
    """No process, key, job or changed file; and it came about at all."""
    before = (snapshot(up, up.nodes), _homes(up), _data(up))
    stage = Stage(up, list(KINDS).index(kind) + 1)
    with stage.sink():
        KINDS[kind].play(stage, 50e6)
        if comes_to == "sent":
            assert wait(lambda: bool(stage.samples()) and stage.samples()[-1][1] > 0, 15)
        elif comes_to:
            assert wait(lambda: f'"what": "{comes_to}"' in stage.log().read_text(), 15), stage.log().read_text()
        else:
            assert snapshot(up, ())["partitions"] != before[0]["partitions"]
        stage.end()
    assert not stage.left()
    assert wait(lambda: snapshot(up, up.nodes) == before[0], 15, 0.3), snapshot(up, up.nodes)
    assert (_homes(up), _data(up)) == before[1:]
    assert wait(lambda: run.status(up)["works"], 15, 0.3)


def _homes(layout: Layout) -> dict[str, bytes]:
    homes = [layout.shared / "home" / one.name / ".ssh" for one in ACCOUNTS]
    return {str(file): file.read_bytes() for home in homes for file in home.iterdir()}


def _data(layout: Layout) -> dict[str, tuple[int, bytes]]:
    found = (layout.model.parent / "datasets").iterdir()
    return {one.name: (os.stat(one).st_mode, one.read_bytes()) for one in found}
