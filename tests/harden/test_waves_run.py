"""Waves over hosts that are trees of their own: every command is the real one, run by a shell of its own per host.

What stands between is `sh -c` in place of ssh: one line that a shell reads, as sshd hands it on.
"""

import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from ringfence.app.harden.asked import line
from ringfence.app.harden.ledger import Ledger
from ringfence.app.harden.waves import Settings, Waves, hosts_of, processes
from ringfence.assess.harden.waves import Do, Rules, Stand
from ringfence.cli import run
from ringfence.errors import InputError, StateError, UsageError
from tests.harden.trees import OURS, grown, picture, sample

HOSTS = ("gpu1", "gpu2", "gpu3")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A tree per host, and a `ringfence` that works on the tree of the host that it is called on."""
    for host in HOSTS:
        grown(tmp_path / host, sample("umad")["tree"])
    program = tmp_path / "ringfence"
    call = "import sys; from ringfence.cli import run; sys.exit(run(sys.argv[1:]))"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{call}' \"$@\" --root {tmp_path}/$ON\n")
    program.chmod(stat.S_IRWXU)
    return tmp_path


def run_of(site: Path, rules: Rules | None = None, **more: object) -> Waves:
    settings = Settings(("env", "ON={host}", "sh", "-c"), ("umad",), program=(f"{site}/ringfence",), **more)  # type: ignore[arg-type]
    return Waves(HOSTS, rules or Rules(), settings, site / "run.json", processes)


def stands(run: Waves) -> dict[str, str]:
    return {name: str(host.stand) for name, host in run.hosts.items()}


def mode(site: Path, host: str) -> int:
    return stat.S_IMODE((site / host / "dev/infiniband/umad0").stat().st_mode)


def test_all_hosts_follow_the_canary_and_a_second_run_has_nothing_to_do(site):
    """Each changed by its own receipt, under the run's id."""
    steps = list(run_of(site, health=f"test -e {site}/gpu1").run())
    assert [(one.do, one.hosts) for one in steps] == [
        (Do.APPLY, ("gpu1",)), (Do.JUDGE, ("gpu1",)), (Do.APPLY, ("gpu2", "gpu3")), (Do.JUDGE, ("gpu2", "gpu3")),
        (Do.DONE, ()),
    ]  # fmt: skip
    assert {mode(site, host) for host in HOSTS} == {0o600}
    assert [one.do for one in run_of(site).run()] == [Do.DONE]


def test_a_canary_that_is_not_well_is_put_back_and_no_other_host_is_touched(site):
    """By a health command that really fails because of the change."""
    before = {host: picture(site / host) for host in HOSTS}
    run = run_of(site, health=f"test $(stat -c %a {site}/$ON/dev/infiniband/umad0) = 666")
    *_, last = run.run()
    assert (last.do, last.hosts) == (Do.HALT, ("gpu1",))
    assert stands(run) == {"gpu1": "put back", "gpu2": "old", "gpu3": "old"}
    assert {host: picture(site / host) for host in HOSTS} == before
    assert [one.do for one in run_of(site).run()] == [Do.HALT], "begun again it is still halted"


def test_a_host_whose_steps_take_longer_halts_it(site):
    """Step time before and after, of the jobs that run there."""
    command = f"if [ $(stat -c %a {site}/$ON/dev/infiniband/umad0) = 666 ]; then echo 1.0 1.1; else echo 1.3; fi"
    run = run_of(site, step_time=command, slower=0.05)
    *_, last = run.run()
    assert last.do is Do.HALT
    assert "a step takes 1.3 s" in run.hosts["gpu1"].why
    assert stands(run) == {"gpu1": "put back", "gpu2": "old", "gpu3": "old"}
    assert {mode(site, host) for host in HOSTS} == {0o666}, "no further wave, and this one is put back"
    well = Waves(HOSTS, Rules(), Settings(("env", "ON={host}", "sh", "-c"), ("umad",), program=(f"{site}/ringfence",), step_time=command, slower=0.5), site / "again.json", processes)  # fmt: skip  # noqa: E501
    assert [one.do for one in well.run()][-1] is Do.DONE


def test_what_was_put_in_force_before_the_run_is_not_put_back_by_it(site):
    """A host that had nothing to change has no receipt of this run."""
    subprocess.run(
        [f"{site}/ringfence", "harden", "apply", "--only", "umad", "--apply"], env={"ON": "gpu1"}, check=True
    )
    *_, last = run_of(site, health="false").run()
    assert last.do is Do.HALT
    assert mode(site, "gpu1") == 0o600
    assert mode(site, "gpu2") == 0o666


def test_a_host_that_does_not_answer_halts_it_and_cut_off_it_goes_on(site):
    """What stands in the file of the run is where it goes on."""
    run = run_of(site)
    list(zip(range(2), run.run(), strict=False))
    assert stands(run_of(site))["gpu1"] == Stand.HEALTHY
    program = site / "ringfence"
    kept = program.read_text()
    program.write_text(kept.replace("#!/bin/sh\n", "#!/bin/sh\n[ $ON = gpu3 ] && { echo no route >&2; exit 255; }\n"))
    run = run_of(site)
    *_, last = run.run()
    assert last.do is Do.HALT
    assert stands(run) == {"gpu1": "healthy", "gpu2": "put back", "gpu3": "silent"}
    assert (mode(site, "gpu1"), mode(site, "gpu2"), mode(site, "gpu3")) == (0o600, 0o666, 0o666)
    assert run.hosts["gpu3"].why == "no route"


def test_how_fast_jobs_ran_before_is_not_asked_again_once_a_host_may_be_changed(site):
    """Cut off after the apply, the slower pace would pass for the old one."""
    command = f"if [ $(stat -c %a {site}/$ON/dev/infiniband/umad0) = 666 ]; then echo 1.0; else echo 1.3; fi"
    run = run_of(site, step_time=command)
    next(run.run())
    file = msgspec.json.decode((site / "run.json").read_bytes())
    file["hosts"]["gpu1"]["stand"] = "old"  # as it stands in the file until the apply has answered
    (site / "run.json").write_bytes(msgspec.json.encode(file))
    run = run_of(site, step_time=command)
    assert [one.do for one in run.run()][-1] is Do.HALT
    assert stands(run)["gpu1"] == "put back"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("exec sleep 600", "no answer within 2 s"),
        ("exec yes", "said more than"),
        ("exec sleep 600 >&- 2>&-", "no answer"),
    ],
)
def test_a_health_command_that_never_ends_or_never_stops_talking_is_bounded(site, command, why):
    """Its host is not well then."""
    settings = Settings(
        ("env", "ON={host}", "sh", "-c"), ("umad",), health=f": {{host}}; {command}",
        program=(f"{site}/ringfence",), patience=2.0,
    )  # fmt: skip
    (site / "run.json").write_bytes(msgspec.json.encode({"receipt": "a", "hosts": {"gpu1": {"stand": "applied"}}}))
    began, slow = time.monotonic(), Waves(HOSTS[:1], Rules(put_back=False), settings, site / "run.json", processes)
    *_, last = slow.run()
    assert last.do is Do.HALT
    assert why in slow.hosts["gpu1"].why
    assert time.monotonic() - began < 20


def test_what_a_command_leaves_running_is_not_waited_for():
    """As a connection that ssh keeps open for the next command."""
    began = time.monotonic()
    told = processes(("sh", "-c", "sleep 8 & echo said; exit 7"), 15.0)
    assert (told.status, told.text) == (7, "said\n")
    assert time.monotonic() - began < 6
    assert processes(("/no/such/program",), 1.0).status == 255


@pytest.mark.parametrize("where", ["", ": {host}; "], ids=["there", "here"])
@pytest.mark.parametrize(
    ("health", "ends"),
    [
        ("echo BROKEN | grep -q fine", Do.HALT), ("echo fine | grep -q fine", Do.DONE),
        ("test $HOST != gpu1", Do.HALT), ("test -n \"$HOST\"", Do.DONE),
        ("true && false", Do.HALT), ("true; exit 3", Do.HALT), ("cat < /no/such/file", Do.HALT),
        ("ls /no/such/*.thing", Do.HALT), ("test 'a  b' = \"a  b\"", Do.DONE), ("if", Do.HALT),
    ],
)  # fmt: skip
def test_a_health_command_is_a_line_of_shell_wherever_it_runs(site, where, health, ends):
    """Taken for words, `|` and `$HOST` would be arguments, and every host well."""
    *_, last = run_of(site, health=where + health).run()
    assert last.do is ends
    assert mode(site, "gpu2") == (0o600 if ends is Do.DONE else 0o666)


def test_the_command_of_waves_takes_health_as_a_line_of_shell(site, capsys):
    """And what stands before a command has to name the host."""
    (site / "hosts").write_text("gpu1\ngpu2\n")
    words = ["harden", "waves", str(site / "hosts"), "--run", str(site / "r.json"), "--only", "umad", "--apply"]
    words += ["--program", f"{site}/ringfence"]
    reach = ["--reach", "env ON={host} sh -c"]
    assert run([*words, *reach, "--health", "echo BROKEN | grep -q fine"]) == 3
    assert {mode(site, "gpu1"), mode(site, "gpu2")} == {0o666}
    capsys.readouterr()
    for wrong in (["--reach", "env ON=gpu1 sh -c"], ["--reach", "ssh 'x {host}"], [*reach, "--program", " "]):
        assert run([*words, *wrong]) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_a_name_that_a_shell_would_read_is_no_host_in_a_line_of_shell():
    for name in ("a;reboot", "$(x)", "-o", "a b", "", "\N{KELVIN SIGN}"):
        with pytest.raises(UsageError, match="no name of a host"):
            line("ping {host}", name, ("ssh", "{host}"))


def test_jobs_that_say_no_step_time_after_the_change_are_not_taken_for_well(site):
    """They said one before."""
    command = f"if [ $(stat -c %a {site}/$ON/dev/infiniband/umad0) = 666 ]; then echo 1.0; fi"
    halted = run_of(site, step_time=command)
    *_, last = halted.run()
    assert last.do is Do.HALT
    assert "no step time" in halted.hosts["gpu1"].why


def gone(number: int) -> bool:
    """Whether a process has ended, within some seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_a_command_that_takes_too_long_ends_with_all_that_it_began(tmp_path):
    """Its children's children, too."""
    began = f"sh -c 'sleep 600 & echo $! > {tmp_path}/pid; wait' & wait"
    assert processes(("sh", "-c", began), 1.0).errors == "no answer within 1 s"
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_runner_that_is_interrupted_ends_what_it_began(site):
    """Ctrl-C in a terminal does not reach commands of another session."""
    code = (
        "import sys; from pathlib import Path; from ringfence.app.harden.waves import *; "
        "from ringfence.assess.harden.waves import Rules; "
        "there = Settings(('env', 'ON={host}', 'sh', '-c'), health=sys.argv[1]); "
        "list(Waves(['gpu1'], Rules(), there, Path(sys.argv[2]), processes).run())"
    )
    (site / "run.json").write_bytes(msgspec.json.encode({"receipt": "a", "hosts": {"gpu1": {"stand": "applied"}}}))
    health = f"sleep 600 & echo $! > {site}/new; mv {site}/new {site}/pid; wait"
    runner = subprocess.Popen([sys.executable, "-c", code, health, str(site / "run.json")], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not (site / "pid").exists() and time.monotonic() < end:
        time.sleep(0.02)
    began = time.monotonic()
    runner.send_signal(signal.SIGINT)
    runner.wait(60)
    assert time.monotonic() - began < 20
    assert gone(int((site / "pid").read_text()))


def test_the_wave_in_which_it_halts_is_put_back_whole_and_no_other(site):
    """Those that are well in it, too; the canary before stays."""
    run = run_of(site, health="test $ON != gpu3")
    *_, last = run.run()
    assert last.do is Do.HALT
    assert stands(run) == {"gpu1": "healthy", "gpu2": "put back", "gpu3": "put back"}
    assert [mode(site, host) for host in HOSTS] == [0o600, 0o666, 0o666]


def test_a_run_is_carried_out_by_one_command_at_a_time(site):
    first = run_of(site).run()
    next(first)
    with pytest.raises(StateError, match="another command"):
        next(run_of(site).run())
    *_, last = first
    assert last.do is Do.DONE


def test_an_apply_waits_for_another_command_on_its_host(site):
    """As long as it is told; then it says so."""
    folder = Ledger(site / "gpu1" / OURS / "harden").make()
    words = [f"{site}/ringfence", "harden", "apply", "--only", "umad", "--apply", "--wait"]
    with folder.alone():
        done = subprocess.run([*words, "0.2"], env={"ON": "gpu1"}, capture_output=True, text=True, check=False)
        assert (done.returncode, mode(site, "gpu1")) == (1, 0o666)
        assert "--wait" in done.stderr
        waiting = subprocess.Popen([*words, "60"], env={"ON": "gpu1"}, stdout=subprocess.DEVNULL)
    assert waiting.wait(60) == 0
    assert mode(site, "gpu1") == 0o600


def test_an_order_that_comes_after_its_undo_is_refused(site):
    """Cut off and begun again, a run may have put back a host before the first apply reaches it."""
    words = [f"{site}/ringfence", "harden"]
    late = [*words, "apply", "--only", "umad", "--apply", "--receipt", "0a"]
    for order in (late, [*words, "undo", "0a", "--apply"]):
        subprocess.run(order, env={"ON": "gpu1"}, check=True, capture_output=True)
    done = subprocess.run(late, env={"ON": "gpu1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "undone already" in done.stderr
    assert mode(site, "gpu1") == 0o666


def test_names_that_ssh_could_take_for_options_are_refused(tmp_path):
    """And words that a shell would run."""
    assert hosts_of("gpu1 # first\n\ngpu-2.site\n") == ("gpu1", "gpu-2.site")
    for text in ("-oProxyCommand=x\n", "a;reboot\n", "$(x)\n", ""):
        with pytest.raises(InputError):
            hosts_of(text)


def test_a_run_of_other_hosts_is_refused(site):
    """The file would halt or pass for hosts that are not named."""
    (site / "run.json").write_bytes(msgspec.json.encode({"receipt": "a", "hosts": {"other": {"stand": "old"}}}))
    with pytest.raises(UsageError, match="none of the hosts"):
        run_of(site)
