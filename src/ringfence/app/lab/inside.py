"""Starting something inside a machine of the lab, or not at all.

    inside(layout, layout.machine("gpu01"), ["sshd", "-D"])                  a daemon, in the background
    said(layout, layout.machine("login"), ["sinfo"], account=ALICE)          what a command prints

A machine's namespaces (network, mounts, processes, names, IPC, control groups) are those of its first process. A
thread of its own enters them and starts the program, so nothing of the lab ever runs in the host's network.
"""

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeVar

from ringfence.app.lab import kernel, processes
from ringfence.app.lab.layout import CLUSTER, PREFIX, Account, Layout, Machine
from ringfence.enforce import confine
from ringfence.errors import EnforceError

NETNS = Path("/run/netns")
INIT = "init"
"""The name under which a machine's first process is written down."""
_T = TypeVar("_T")
_JOIN = 'echo 0 >"$0" && exec nsenter --cgroup=/proc/1/ns/cgroup -- "$@"'
"""Into the machine's control group, then into its view of them: a process cannot be moved from within."""
_KINDS = {"net": kernel.NEWNET, "uts": kernel.NEWUTS, "ipc": kernel.NEWIPC, "mnt": kernel.NEWNS, "pid": kernel.NEWPID}


def first(layout: Layout, machine: Machine) -> int:
    """The machine's first process. Raises `EnforceError` where it does not run, or is in no namespace of the lab."""
    pid = processes.noted(layout.home(machine)).get(INIT, 0)
    if not pid:
        raise EnforceError(f"{machine.name} of the lab is not up", "`ringfence lab up`")
    its, ours = os.stat(f"/proc/{pid}/ns/net").st_ino, os.stat("/proc/self/ns/net").st_ino
    if its == ours or its != os.stat(NETNS / machine.namespace).st_ino:
        raise EnforceError(
            f"{machine.name} is not in its network namespace: nothing is started", "`ringfence lab down`"
        )
    return pid


def inside(
    layout: Layout,
    machine: Machine,
    argv: Sequence[str],
    *,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
) -> "subprocess.Popen[bytes]":
    """Start a program in a machine, as root or as an account of the lab. Its number is that of the host.

    Raises `EnforceError` where the machine is not up or not apart from the host's network; nothing was started then.
    """
    pid = first(layout, machine)
    who = ["setpriv", f"--reuid={account.uid}", f"--regid={account.uid}", "--init-groups"] if account else []
    command = ["sh", "-c", _JOIN, str(kernel.CGROUPS / "cgroup.procs"), *who, *argv]

    def start() -> "subprocess.Popen[bytes]":
        kernel.unshare(kernel.FS)
        kernel.enter(*((Path(f"/proc/{pid}/ns/{kind}"), flag) for kind, flag in _KINDS.items()))
        return subprocess.Popen(
            command, env=environment(layout, account, env), cwd=cwd or "/", start_new_session=True,
            stdin=stdin, stdout=stdout, stderr=stderr,
        )  # fmt: skip

    return apart(start)


def environment(layout: Layout, account: Account | None, more: Mapping[str, str] | None) -> dict[str, str]:
    """What a program in the lab finds: Slurm's configuration, no proxy and no secret of the host."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "VIRTUAL_ENV") if name in os.environ}
    if "/usr/sbin" not in kept.get("PATH", ""):
        kept["PATH"] = f"{kept.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
    about = {"HOME": f"/home/{account.name}", "USER": account.name} if account else {"HOME": "/root", "USER": "root"}
    return kept | about | {"LC_ALL": "C", "TZ": "UTC", "SLURM_CONF": str(layout.slurm_conf)} | dict(more or {})


def said(
    layout: Layout, machine: Machine, argv: Sequence[str], *, account: Account | None = None, timeout: float = 20,
    env: Mapping[str, str] | None = None, given: str = "",
) -> str:  # fmt: skip
    """What a command in a machine prints. Raises `EnforceError` with what it said where it fails or hangs."""
    pipe = subprocess.PIPE
    process = inside(layout, machine, argv, account=account, env=env, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        out, wrong = process.communicate(given.encode(), timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise EnforceError(f"{argv[0]} in {machine.name} did not answer within {timeout:g} s") from None
    if process.returncode:
        raise EnforceError(
            f"{' '.join(argv)[:200]} in {machine.name}: {(wrong or out).decode('utf-8', 'replace')[-500:]}"
        )
    return out.decode("utf-8", "replace")


def daemon(
    layout: Layout, machine: Machine, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> int:  # fmt: skip
    """Start a program that goes on in the background, written down as `name`, its words in `log/NAME.log`; its number.

    It belongs to the machine's first process: one that had a parent outside could not be reaped within.
    """
    home = layout.home(machine)
    with (home / "log" / f"{name}.log").open("ab") as log:
        shell = ["sh", "-c", '"$@" 1>&2 & echo $!', "sh", *argv]
        process = inside(layout, machine, shell, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=log)
        within = process.communicate(timeout=20)[0].strip()
    pid = next((one for one in members(machine) if _number_within(one) == within), 0)
    if not pid:
        raise EnforceError(f"{name} of {machine.name} ended at once", f"see {home}/log/{name}.log")
    processes.note(home, name, pid)
    return pid


def members(machine: Machine) -> list[int]:
    """Every process of a machine, by the host's numbers."""
    try:
        return [int(word) for word in (group(machine) / "cgroup.procs").read_text().split()]
    except FileNotFoundError:
        return []


def _number_within(pid: int) -> bytes:
    """A process's number in the innermost namespace that it is in (proc_pid_status(5), NSpid)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_bytes().splitlines()
    except OSError:
        return b""
    return next((line.split()[-1] for line in lines if line.startswith(b"NSpid:")), b"")


def apart(work: Callable[[], _T]) -> _T:
    """The result of work done in a thread of its own, whose namespaces end with it."""
    done: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def group(machine: Machine | None = None) -> Path:
    """The control group of the lab, or of a machine in it. Raises `EnforceError` without cgroup v2."""
    top = confine.mount() / f"{PREFIX}{CLUSTER}"
    return top / machine.name if machine else top
