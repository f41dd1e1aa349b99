"""The first process of a machine: makes its view of the machine, reaps what is orphaned, keeps its log of logins.

    python -m ringfence.app.lab.init NAME HOME SHARED CGROUP

Started with new namespaces of mounts, processes, names and IPC, inside the machine's network namespace. When it dies,
the kernel ends every process of the machine. It says `ready` when the machine can be used.
"""

import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from ringfence.app.lab import kernel

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_GPUS = 8
_AUTH = (4, 10)
"""Facilities of syslog (RFC 5424, 6.2.1): security messages, and those that are private."""
_STAMP = 16
_LONGEST = 8192


def main() -> int:
    """Be the machine until the end."""
    name, home, shared, group = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps, orphans too
    kernel.hostname(name)
    kernel.mount("none", Path("/"), flags=kernel.REC | kernel.PRIVATE)
    cgroups(group)
    files(home, shared)
    devices(home)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        os.umask(0)  # as everywhere: whoever is here may log
        heard.bind("/dev/log")
        os.umask(0o022)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        keep(heard, name, home / "log")
    return 0


def cgroups(group: str) -> None:
    """Show the machine's own control group as the root of the hierarchy (cgroup_namespaces(7))."""
    Path(group, "cgroup.procs").write_text("0")
    kernel.unshare(kernel.NEWCGROUP)
    with suppress(OSError):  # the same file system twice at one place is refused
        kernel.unmount(Path(group).parents[1])
    kernel.mount("none", kernel.CGROUPS, "cgroup2")


def files(home: Path, shared: Path) -> None:
    """A `/proc`, `/run` and `/var/log` of its own; the lab's accounts and hosts."""
    kernel.mount("proc", Path("/proc"), "proc")
    with suppress(OSError):  # flows are told with their bytes; without conntrack they are not told at all
        Path("/proc/sys/net/netfilter/nf_conntrack_acct").write_text("1")
    with suppress(OSError):
        kernel.unmount(Path("/run/netns"))  # a namespace lives as long as anybody has it mounted
    kernel.mount("tmpfs", Path("/run"), "tmpfs", kernel.NOSUID, "mode=755")
    for folder in ("sshd", "ringfence", "lock"):
        Path("/run", folder).mkdir(mode=0o755)
    kernel.bind(home / "log", Path("/var/log"))
    for one in ("passwd", "group", "shadow", "hosts"):
        kernel.bind(shared / one, Path("/etc", one))
    kernel.bind(home / "ssh", Path("/etc/ssh"))
    kernel.bind(shared / "slurm" / "etc", Path("/etc/slurm"))
    own = home / "home"
    kernel.bind(own if own.exists() else shared / "home", Path("/home"))


def devices(home: Path) -> None:
    """A small `/dev`: terminals of its own, null devices that stand for GPUs, a place for `/dev/log`."""
    made = home / "dev"
    made.mkdir(exist_ok=True)
    kernel.mount("tmpfs", made, "tmpfs", kernel.NOSUID, "mode=755")
    for one in _DEVICES:
        (made / one).touch()
        kernel.bind(Path("/dev", one), made / one)
    for folder, kind, options in (("pts", "devpts", "newinstance,ptmxmode=0666,mode=620"), ("shm", "tmpfs", "")):
        (made / folder).mkdir()
        kernel.mount(kind, made / folder, kind, kernel.NOSUID, options)
    (made / "ptmx").symlink_to("pts/ptmx")
    for name, to in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (made / name).symlink_to(f"/proc/self/fd{to}")
    os.umask(0)
    for at in range(_GPUS):
        os.mknod(made / f"nvidia{at}", 0o020666, os.makedev(1, 3))
    os.umask(0o022)
    kernel.mount(str(made), Path("/dev"), flags=kernel.BIND | kernel.REC)


def keep(heard: socket.socket, host: str, logs: Path) -> None:
    """Write what comes to `/dev/log` as syslogd would: `Nov 23 07:53:05 gpu01 sshd[12]: Accepted …`."""
    with (logs / "auth.log").open("ab", 0) as auth, (logs / "syslog").open("ab", 0) as other:
        while True:
            said = heard.recv(_LONGEST).rstrip(b"\0\n").replace(b"\n", b" ")
            head, _, text = said.partition(b">")
            if not head[1:].isdigit() or not text:
                continue
            line = text[:_STAMP] + host.encode() + b" " + text[_STAMP:] + b"\n"
            (auth if int(head[1:]) >> 3 in _AUTH else other).write(line)


if __name__ == "__main__":
    sys.exit(main())
