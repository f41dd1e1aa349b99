"""Slurm's hooks, each run as Slurm runs it: without a PATH, with what Slurm sets in the environment."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringfence.app.fence.hooks import HOOKS, POD_GATE, Settings, conf_lines, install
from ringfence.cli import run
from ringfence.errors import UsageError
from ringfence.wire import hooks, jobs
from ringfence.wire.hooks import Answer

PYTHON = Path(sys.executable).resolve()
GATES = [hook for hook in HOOKS if hook.gates]
JOB = {
    "SLURM_JOB_ID": "4711",
    "SLURM_JOB_NODELIST": "gpu[0001-0004]",
    "SLURM_JOB_USER": "ann",
    "SLURM_JOB_ACCOUNT": "vision",
    "SLURMD_NODENAME": "gpu0001",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "hooks", tmp_path / "f.sock", tmp_path / "%n.sock", PYTHON, deadline=1)


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[list[bytes]]:
    """One listener that takes one line and says one thing; no enforcer, and no follower."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            with listening.accept()[0] as peer:
                heard.append(peer.makefile("rb").readline())
                peer.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield heard


def place(settings: Settings, hook) -> Path:
    """The socket that a hook asks, on the node gpu0001."""
    return settings.follower if hook.where == "follower" else Path(str(settings.enforcer).replace("%n", "gpu0001"))


def start(settings: Settings, hook, env=JOB) -> "subprocess.CompletedProcess[str]":
    """Run a hook as Slurm does."""
    return subprocess.run(
        [settings.folder / hook.file], env=env, capture_output=True, text=True, timeout=20, check=False, cwd="/"
    )


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.setting)
def test_a_hook_says_what_its_side_reads_and_passes_the_answer_on(settings, hook):
    """The real reader takes the line; what it encodes is understood."""
    install(settings)
    with answering(place(settings, hook), hooks.encode(Answer("allow", "in force"))) as heard:
        done = start(settings, hook)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    asked = (jobs if hook.where == "follower" else hooks).request(heard[0])
    assert asked.verb == hook.asks
    assert asked.job == ("" if hook.asks == "confine" else "4711")
    if hook.asks == "started":
        assert (asked.nodes, asked.user, asked.account) == ("gpu[0001-0004]", "ann", "vision")


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.setting)
@pytest.mark.parametrize("answer", [hooks.encode(Answer("hold", "late")), hooks.encode(Answer("refused", "no"))])
def test_only_a_gate_fails_when_it_is_told_no(settings, hook, answer):
    """An epilog that fails would drain the node for nothing."""
    install(settings)
    with answering(place(settings, hook), answer):
        done = start(settings, hook)
    assert done.returncode == (1 if hook.gates else 0)
    assert "ringfence: " in done.stderr


@pytest.mark.parametrize("hook", GATES, ids=lambda hook: hook.setting)
@pytest.mark.parametrize(("outage", "status"), [("hold", 1), ("allow", 0)])
def test_a_gate_that_nobody_answers_does_as_it_was_set(settings, hook, outage, status):
    """No socket; one that hangs up; one that answers nonsense is no answer to an outage but a no."""
    chosen = Settings(settings.folder, settings.follower, settings.enforcer, PYTHON, 1, outage)
    install(chosen)
    assert start(chosen, hook).returncode == status
    with answering(place(settings, hook), b""):
        assert start(chosen, hook).returncode == status
    place(settings, hook).unlink()
    with answering(place(settings, hook), b"nonsense\n"):
        assert start(chosen, hook).returncode == 1


def test_what_a_user_named_cannot_become_part_of_the_request(settings):
    """Quotes, line feeds and other fields in a variable are taken out."""
    install(settings)
    hook = HOOKS[0]
    bad = JOB | {"SLURM_JOB_ACCOUNT": 'x","verb":"ended\n{"', "SLURM_JOB_USER": "a\u202eb"}
    with answering(settings.follower, hooks.encode(Answer("allow", ""))) as heard:
        assert start(settings, hook, bad).returncode == 0
    asked = jobs.request(heard[0])
    assert (asked.verb, asked.job) == ("started", "4711")
    assert asked.account == "x?,?verb?:?ended???"


def test_hooks_are_root_s_to_write_and_leave_nothing_beside_them(settings):
    """Mode 0755, whole files, the same names on every machine; installing again changes nothing."""
    before = install(settings)
    assert install(settings) == before
    names = sorted(path.name for path in settings.folder.iterdir())
    assert names == sorted([*(hook.file for hook in HOOKS), POD_GATE])
    assert {oct(path.stat().st_mode & 0o777) for path in before if path.name != POD_GATE} == {"0o755"}
    lines = list(conf_lines(settings))
    assert f"PrologSlurmctld={settings.folder}/prolog-slurmctld" in lines
    assert "PrologFlags=Alloc" in lines


@pytest.mark.parametrize(
    "wrong",
    [
        {"folder": Path("hooks")},
        {"follower": Path("/a b/c")},
        {"outage": "maybe"},
        {"python": Path("/nowhere/python3")},
    ],
)
def test_hooks_that_could_not_work_are_not_written(settings, wrong):
    """A relative path, a blank, an unknown answer, a missing interpreter."""
    values = {name: getattr(settings, name) for name in settings.__struct_fields__} | wrong
    with pytest.raises(UsageError):
        install(Settings(**values))
    assert not settings.folder.exists()


def test_the_command_writes_the_hooks_and_shows_the_lines(tmp_path, capsys):
    """And changes nothing of Slurm."""
    folder = tmp_path / "hooks"
    assert run(["fence", "install-hooks", "--out", str(folder), "--python", os.fspath(PYTHON)]) == 0
    assert f"Prolog={folder}/prolog" in capsys.readouterr().out.splitlines()
    assert (folder / "prolog").read_text().startswith(f"#!{PYTHON} -IS\n")


@pytest.mark.parametrize(("outage", "code"), [("hold", 1), ("allow", 0)])
def test_the_pod_gate_takes_the_entry_that_is_written_for_it(settings, outage, code):
    """The real plugin reads it as the runtime hands it over, with nobody listening; what it exempts is let in."""
    install(Settings(settings.folder, settings.follower, settings.enforcer, PYTHON, 600, outage))
    path = settings.folder / POD_GATE
    assert path.stat().st_mode & 0o777 == 0o644
    before = {"cniVersion": "1.0.0", "interfaces": []}
    entry = json.loads(path.read_text()) | {"cniVersion": "1.0.0", "name": "pods", "prevResult": before}
    assert entry["onOutage"] == outage
    for space, status in (("research", code), ("kube-system", 0)):
        names = f"K8S_POD_NAMESPACE={space};K8S_POD_NAME=a-0;K8S_POD_UID=8f4c2a80"
        done = subprocess.run(
            [sys.executable, "-I", "-m", "ringfence.app.pod_gate"], input=json.dumps(entry), text=True,
            env={"CNI_COMMAND": "ADD", "CNI_ARGS": names}, capture_output=True, timeout=20, check=False,
        )  # fmt: skip
        assert done.returncode == status
        assert json.loads(done.stdout) == before if not status else json.loads(done.stdout)["code"] == 11
