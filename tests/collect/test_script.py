"""The capture script, run for real by dash against a planted root folder."""

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ringfence.collect import gpu, hosts, infiniband, slurm, storage
from ringfence.collect.base import Scope
from ringfence.collect.captures import collect_tree
from ringfence.collect.keep import KEEP, kept
from ringfence.collect.probe import HashFile, Probe, ReadFile, followed
from ringfence.collect.probe import run as ask_here
from ringfence.collect.script import capture_script
from ringfence.errors import Problem
from ringfence.wire.host.hashed import salted
from tests.collect.capture_plants import PLANTS, SAMPLES

EVERY = (*hosts.QUESTIONS, *gpu.QUESTIONS, *slurm.QUESTIONS, *storage.QUESTIONS, *infiniband.QUESTIONS)
SHELL = shutil.which("dash") or shutil.which("sh") or "sh"

SECRETS = (
    "PLANTEDprivatekeyBody",
    "PLANTEDmungekey",
    "PLANTEDstoragepass",
    "PLANTEDtoken",
    "PLANTEDenvsecret",
    "PLANTEDproxypass",
    "PLANTEDcolonpass",
    "PLANTEDbindpw",
)
AWKS = [shutil.which(name) for name in ("mawk", "gawk", "original-awk")]


def plant(root: Path) -> None:
    """A machine with secrets where machines have them."""
    pem = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRETS[0]}\n-----END OPENSSH PRIVATE KEY-----\n"
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA alice@laptop\n"
    files = {
        "home/alice/.ssh/id_ed25519": pem,
        "home/alice/.ssh/id_ed25519.pub": public,
        "home/bob/.ssh/id_ed25519": pem,
        "home/alice/.ssh/authorized_keys": public,
        "etc/munge/munge.key": SECRETS[1],
        "etc/slurm/slurmdbd.conf": f"DbdHost=db\nStoragePass={SECRETS[2]}\n",
        "etc/slurm/slurm.conf": f"ClusterName=alpha\nSlurmctldHost=c1\nAccountingStoragePass={SECRETS[2]}\n",
        "etc/jupyter/jupyter_server_config.py": f"c.ServerApp.token = '{SECRETS[3]}'\nc.ServerApp.password = ''\n",
        "etc/systemd/system/x.service": f'[Service]\nEnvironment="API_TOKEN={SECRETS[4]}" A=1\nExecStart=/opt/x\n',
        "etc/systemd/system/y.service": f"[Service]\nEnvironment=DB_PASSWORD={SECRETS[4]}\n"
        f"ExecStart=/opt/y --token {SECRETS[3]}\n",
        "etc/docker/daemon.json": f'{{"proxies": {{"http-proxy": "http://me:{SECRETS[5]}@proxy:80"}}}}\n',
        "etc/enroot/enroot.conf": f"ENROOT_RUNTIME_PATH /run\npassword: {SECRETS[6]}\n",
        "etc/sudoers": "Defaults env_reset\nalice ALL=(ALL) NOPASSWD: ALL\n",
        "etc/ssh/sshd_config": "PermitRootLogin no\nPasswordAuthentication yes\nUsePAM yes\n",
        "etc/pam.d/sshd": f"auth sufficient pam_ldap.so bindpw {SECRETS[7]}\naccount required pam_slurm_adopt.so\n",
        "etc/opensm/partitions.conf": "Default=0x7fff,ipoib:ALL=full;\n",
    }
    files |= {name: text for text, name in SAMPLES.values()}
    files["opt/slurm/etc/slurm.conf"] = f"ClusterName=beta\nSlurmctldHost=c2\nJobCompPass={SECRETS[2]}\n"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(0o600 if "id_" in name else 0o644)
    (root / "etc/ssh/sshd_config.d").mkdir()
    (root / "etc/ssh/sshd_config.d/90-link.conf").symlink_to("../sshd_config")
    (root / "etc/ssh/sshd_config.d/91-link.conf").symlink_to("/dev/null")
    (root / "home/alice/.ssh/known_hosts").symlink_to("/etc/hostname")


def run(script: Path, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as an administrator would, with an empty home."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "ROOT": str(root), "HOME": str(root)}
    return subprocess.run(
        [SHELL, str(script), *arguments],
        capture_output=True,
        text=True,
        env=env,
        cwd=script.parent,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    """(planted root, capture folder, the script)."""
    work = tmp_path_factory.mktemp("capture")
    script, root = work / "capture.sh", work / "root"
    script.write_text(capture_script(EVERY), "utf-8")
    plant(root)
    done = run(script, root, "-o", "out")
    assert done.returncode == 0, done.stderr[-2000:]
    return root, work / "out", script


def everything(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_the_script_is_plain_posix_shell():
    """The shell itself finds no fault in it."""
    done = subprocess.run([SHELL, "-n"], input=capture_script(EVERY), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("secret", [*SECRETS, *PLANTS])
def test_no_planted_secret_is_in_the_capture(captured, secret):
    """Keys, passwords and tokens stay where they are, in whatever file they stand."""
    assert secret.encode() not in everything(captured[1])


def test_equal_secrets_have_equal_salted_hashes(captured):
    """Two homes with one key show the same hash, which only the salt lets one try."""
    root, out, _ = captured
    (keys,) = out.glob("hosts/*/private-keys")
    rows = [line.split() for line in keys.read_text().splitlines()]
    assert {row[3] for row in rows} == {"/home/alice/.ssh/id_ed25519", "/home/bob/.ssh/id_ed25519"}
    assert len({row[2] for row in rows}) == 1
    salt = bytes.fromhex((out / "salt").read_text().strip())
    secret = (root / "home/alice/.ssh/id_ed25519").read_bytes()
    assert rows[0][2] == "sha256:" + salted(secret, salt)
    assert rows[0][0] == "0600"


def test_what_is_no_secret_survives(captured):
    """Striking out leaves policy readable: NOPASSWD, PasswordAuthentication, an empty password."""
    text = everything(captured[1]).decode("utf-8", "replace")
    assert "NOPASSWD: ALL" in text
    assert "PasswordAuthentication yes" in text
    assert "c.ServerApp.password = ''" in text
    assert "ClusterName=alpha" in text


def test_the_capture_is_private(captured):
    """0600 files, 0700 folders."""
    for path in captured[1].rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_only_links_of_root_in_system_folders_are_followed(captured):
    """A link in /etc to a plain file of root's is read; another, or one in a home, is named in the log."""
    out = captured[1]
    log = (out / "capture.log").read_text()
    names = {path.name for path in out.rglob("*")}
    assert ("90-link.conf" in names) is (os.geteuid() == 0)
    for name in ("91-link.conf", "known_hosts"):
        assert name not in names
        assert re.search(rf"link not followed: .*/{name}\n", log)


def test_a_link_elsewhere_is_not_followed_here_either(tmp_path):
    """The live question has the same rule."""
    (tmp_path / "config").symlink_to("/etc/hostname")
    assert followed(tmp_path / "config") == tmp_path / "config"
    (found,) = ask_here([ReadFile("x", str(tmp_path / "config"))], "a", b"")
    assert isinstance(found, Problem)


def awk(program: str, name: str, data: bytes) -> bytes:
    """What a filter of the script says, by one awk."""
    stripped = data.translate(None, b"\0\r")
    env = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([program, KEEP[name].awk], input=stripped, capture_output=True, env=env, check=True)
    assert done.stderr == b""
    return done.stdout


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("program", [found for found in AWKS if found])
def test_both_forms_of_a_filter_agree_byte_for_byte(program, sample):
    """What the script keeps is what the live question keeps, for whole and for damaged files."""
    name = {"json": "jupyter"}.get(sample, sample)
    data = SAMPLES[sample][0].encode()
    chance = random.Random(7)
    for _ in range(25):
        assert awk(program, name, data) == kept(name, data)
        at = chance.randrange(len(data))
        junk = bytes(chance.choices(b"\n\t \0\r\\\"'`{}[]():,;=/#@-Ax9\xff", k=4))
        data = data[:at] + junk + data[at + chance.randrange(8) :]


def test_what_the_readers_need_is_kept(captured):
    """Programs, accounts, modes and whether a token is set survive the filters."""
    out = captured[1]
    text = everything(out).decode("utf-8", "replace")
    for line in (
        "* * * * * root /usr/sbin/anacron /etc/cron.daily",
        "* * * * * root /etc/cron.hourly",
        "* * * * * alice /bin/bash /opt/health/check.sh",
        "ExecStartPre=/bin/bash /opt/pre.sh",
        "ExecStart=/usr/bin/python3 -m mlflow --app-name",
        "Environment=RAY_AUTH_MODE=token",
        "BOOT_IMAGE= intel_iommu=on pci=noacs nosmt iommu=pt",
        "c.LabApp.token = ''",
        "c.ServerApp.ip = '0.0.0.0'",
        "c.ServerApp.port = 8888",
        "ClusterName=beta",
    ):
        assert f"{line}\n" in text
    found = list(collect_tree(out, Scope(cluster="alpha", salt=b"x")))
    assert "iommu=pt" in {fact.object for fact in found if not isinstance(fact, Problem)}


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample != "cmdline"])
def test_the_live_question_keeps_as_the_script_does(captured, sample):
    """The same file asked here and by the script gives the same bytes."""
    root, out, _ = captured
    name = SAMPLES[sample][1]
    keep = {"json": "jupyter"}.get(sample, sample)
    (here,) = ask_here([ReadFile("x", str(root / name), keep=keep)], "a", b"")
    assert [path.read_bytes() for path in out.glob(f"hosts/*/{name}")] == [here.data]


def test_long_commands_are_shortened(captured):
    """Nobody wants a template of 2,000 characters on the terminal."""
    rows = (captured[1] / "capture.log").read_text().splitlines()
    assert max(len(row) for row in rows if row.startswith(("asked", "no answer"))) < 110


def test_the_collectors_read_what_the_script_wrote(captured):
    """Straight into facts: a key where it lies, a sudo grant, the scheduler's key."""
    found = list(collect_tree(captured[1], Scope(cluster="alpha", salt=b"x")))
    facts = {(fact.predicate, fact.subject) for fact in found if not isinstance(fact, Problem)}
    assert ("may_sudo", "identity:alice") in facts
    assert any(predicate == "stores_credential" and subject.startswith("host:") for predicate, subject in facts)
    assert any(predicate == "scheduler_key" for predicate, _ in facts)
    assert any(predicate == "unlocks" for predicate, _ in facts)


def test_a_second_node_takes_over_the_salt(captured, tmp_path):
    """Equal secrets on two nodes match because the salt is given on."""
    root, out, script = captured
    assert run(script, root, "-o", str(tmp_path / "second"), "-s", str(out / "salt")).returncode == 0
    assert (tmp_path / "second/salt").read_text() == (out / "salt").read_text()
    assert run(script, root, "-o", str(tmp_path / "second")).returncode == 0
    (keys,) = (tmp_path / "second").glob("hosts/*/private-keys")
    assert len(keys.read_text().splitlines()) == 2


def test_a_folder_that_is_no_capture_is_left_alone(captured, tmp_path):
    """It refuses to write into what it did not make."""
    (tmp_path / "mine").mkdir()
    done = run(captured[2], captured[0], "-o", str(tmp_path / "mine"))
    assert done.returncode == 2
    assert not list((tmp_path / "mine").iterdir())


@pytest.mark.parametrize(
    "question",
    [
        ReadFile("hosts/{host}/x", "/etc/$(reboot)"),
        HashFile('hosts/"; reboot; "', "/etc/x"),
        Probe("hosts/../../etc/x", ("true",)),
        ReadFile("a", "/etc/x /etc/y"),
    ],
)
def test_a_question_cannot_break_out_of_its_line(question):
    """Paths and globs are plain, or there is no script."""
    with pytest.raises(ValueError, match="not a plain"):
        capture_script([question])


def test_words_of_a_command_are_quoted():
    """No word of a command reaches the shell as anything but a word."""
    script = capture_script([Probe("hosts/{host}/x", ("echo", "$(id); `id` 'x'", "*"))])
    assert """echo '$(id); `id` '"'"'x'"'"'' '*'""" in script
