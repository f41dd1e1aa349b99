"""The lab's machines: namespaces, links, addresses; and the end of them.

        net: br0 10.77.0.1/16 ─┬─ eth0 of ctl, ibm, store, login, gpu…, ws
             uplink 192.88.99.1 ── eth0 of out 192.88.99.10

A link is made inside `net` with its other end in the machine's namespace at once: the host's network never sees one.
There is no way from here to anywhere else, `net` forwards between the two networks that it has.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from ringfence.app.lab import kernel, processes
from ringfence.app.lab.inside import INIT, NETNS, apart, environment, group
from ringfence.app.lab.layout import ACCOUNTS, INSIDE, PREFIX, Layout, Machine
from ringfence.errors import EnforceError

UPLINK = "192.88.99.1"
_BITS = INSIDE.partition("/")[2]
_ACCOUNT = "{0.name}:x:{0.uid}:{0.uid}:{0.name}:/home/{0.name}:/bin/sh\n"


def namespaces(layout: Layout) -> None:
    """Make the network namespaces and their links. Raises `EnforceError`."""
    _ip("".join(f"netns add {one.namespace}\n" for one in layout.machines))
    net, *others = layout.machines
    lines = ["link set lo up", "link add br0 type bridge", "link set br0 up", f"addr add {net.address}/{_BITS} dev br0"]
    for one in others:
        lines.append(f"link add to-{one.name} type veth peer name eth0 netns {one.namespace}")
        lines.append(f"link set to-{one.name} {'' if one.role == 'out' else 'master br0 '}up")
    lines.append(f"addr add {UPLINK}/24 dev to-out")
    _ip("\n".join(lines), net)
    for one in others:
        bits, router = ("24", UPLINK) if one.role == "out" else (_BITS, net.address)
        _ip(
            f"link set lo up\nlink set eth0 up\naddr add {one.address}/{bits} dev eth0\nroute add default via {router}",
            one,
        )


def boot(layout: Layout) -> None:
    """Start every machine's first process, all at once. Raises `EnforceError`."""
    _share(layout)
    started = [(one, _first(layout, one)) for one in layout.machines]
    for one, process in started:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            said = (layout.home(one) / "log" / f"{INIT}.log").read_text()[-500:]
            raise EnforceError(f"{one.name} did not start: {said}")
        process.stdout.close()
        process.returncode = 0  # it outlives us
    net = layout.machine("net")
    forward = apart(lambda: _forwarding(NETNS / net.namespace))
    if not forward:
        raise EnforceError("the router does not forward")


def _first(layout: Layout, machine: Machine) -> "subprocess.Popen[bytes]":
    home, mine = layout.home(machine), group(machine)
    for folder in ("log", "ssh"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "log" / "auth.log").touch()
    mine.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "ringfence.app.lab.init", machine.name, str(home), str(layout.shared), str(mine)]

    def start() -> "subprocess.Popen[bytes]":
        kernel.enter((NETNS / machine.namespace, kernel.NEWNET))
        kernel.unshare(kernel.NEWNS | kernel.NEWUTS | kernel.NEWIPC | kernel.NEWPID)
        with (home / "log" / f"{INIT}.log").open("wb") as log:
            return subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd="/", start_new_session=True,
                env=environment(layout, None, None),
            )  # fmt: skip

    process = apart(start)
    processes.note(home, INIT, process.pid)
    return process


def _forwarding(namespace: Path) -> bool:
    kernel.enter((namespace, kernel.NEWNET))
    switch = Path("/proc/sys/net/ipv4/ip_forward")  # of the network namespace of who opens it
    switch.write_text("1")
    return switch.read_text().strip() == "1"


def _share(layout: Layout) -> None:
    """What every machine reads: accounts and names of hosts, beside the host's own system accounts."""
    shared = layout.shared
    shared.mkdir(parents=True, exist_ok=True)
    for folder in (layout.folder, shared):
        folder.chmod(0o755)  # jobs of ordinary accounts pass through
    ours = {
        "passwd": "".join(_ACCOUNT.format(one) for one in ACCOUNTS),
        "group": "".join(f"{one.name}:x:{one.uid}:\n" for one in ACCOUNTS),
        "shadow": "".join(f"{one.name}:*:19000:0:99999:7:::\n" for one in ACCOUNTS),
    }
    for name, lines in ours.items():
        (shared / name).write_text(_system(name) + lines)
    (shared / "shadow").chmod(0o600)
    hosts = "".join(f"{one.address} {one.name}\n" for one in layout.machines)
    (shared / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}")
    layout.slurm_conf.parent.mkdir(parents=True, exist_ok=True)
    for one in ACCOUNTS:
        for homes in (shared / "home", layout.home(layout.machine("ws")) / "home"):
            (homes / one.name / ".ssh").mkdir(mode=0o755, parents=True, exist_ok=True)
            for folder in (homes / one.name, homes / one.name / ".ssh"):
                os.chown(folder, one.uid, one.uid)


def _system(name: str) -> str:
    """The host's system accounts without their passwords: people of the host are nobody in the lab."""
    passwd = Path("/etc/passwd").read_text().splitlines()
    known = {row[0]: int(row[2]) for row in (line.split(":") for line in passwd) if len(row) > 2}
    if name == "group":
        return Path("/etc/group").read_text()
    if name == "shadow":
        return "".join(f"{who}:*:19000:0:99999:7:::\n" for who, uid in known.items() if uid < 1000)
    return "".join(f"{line}\n" for line in passwd if known.get(line.partition(":")[0], 1000) < 1000)


def end(layout: Layout) -> None:
    """End every process of the lab, remove its control groups and namespaces. Nothing there is no error.

    First those that were written down; then what is in the lab's control group, which nothing else is.
    """
    firsts = [processes.noted(layout.home(one)).get(INIT, 0) for one in layout.machines]
    processes.end(firsts)
    top = group()
    if top.exists():
        if (top / "cgroup.kill").exists():
            (top / "cgroup.kill").write_text("1")
        if not processes.wait(lambda: _removed(top), 10):
            raise EnforceError(f"{top} still has processes", "see its cgroup.procs")
    for name in left():
        _ip(f"netns del {name}\n")


def left() -> list[str]:
    """The lab's namespaces that are there."""
    return sorted(one.name for one in NETNS.glob(f"{PREFIX}*")) if NETNS.is_dir() else []


def _removed(folder: Path) -> bool:
    for place, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            os.rmdir(place)
    return not folder.exists()


def _ip(lines: str, machine: Machine | None = None) -> None:
    where = ["-netns", machine.namespace] if machine else []
    done = subprocess.run(
        ["ip", *where, "-batch", "-"], input=lines, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise EnforceError(f"ip: {done.stderr.strip()[:300]}", "`ringfence lab down` takes away what was made")
