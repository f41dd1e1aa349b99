"""The lab, up and down.

        up: machines ─┬─ Slurm ─────────┐
                      ├─ fabric, sshd   ├─▶ estate ─▶ everything is up
                      ├─ weights        │
                      └─ server ─ nodes ┘

Everything goes on in the background. `down` ends it from what lies on the disk and in the kernel alone, so it works
after a half-failed `up`, twice, and when whoever called `up` was killed.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec

from ringfence.app.lab import fabric, inside, kernel, ours, parts, processes, site, slurm, work, world
from ringfence.app.lab.layout import Layout, Machine
from ringfence.enforce import confine
from ringfence.errors import EnforceError, MissingPart, RingfenceError, UsageError

MARK = "lab.json"
"""Says that a folder is the lab's, and how many nodes it has."""
FEWEST, MOST = 4, 12
LOCK = Path("/run/ringfence-lab.lock")
"""One `up` or `down` at a time; it holds the folder of the lab that is up."""
Told = Callable[[str], None]
_TOOLS = {
    "ip": "iproute2",
    "ss": "iproute2",
    "nft": "nftables",
    "conntrack": "conntrack",
    "/usr/bin/python3": "python3",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
}


class Mark(msgspec.Struct, frozen=True):
    """What `MARK` holds. `began`: seconds since the epoch."""

    gpus: int
    began: float


def need() -> None:
    """Raises `MissingPart` where this is not root, or a program or a feature of the kernel is lacking."""
    if os.geteuid():
        raise MissingPart("the lab needs root: it makes network namespaces", "sudo ringfence lab up")
    lacking = {tool: package for tool, package in _TOOLS.items() if not _there(tool)}
    lacking |= slurm.missing([*slurm.PARTS, *slurm.ACCOUNTING])
    if lacking:
        packages = sorted({word for package in lacking.values() for word in package.split()})
        raise MissingPart(f"not installed: {', '.join(sorted(lacking))}", f"apt-get install {' '.join(packages)}")
    fabric.library()
    try:
        top = confine.mount()
    except EnforceError as error:
        raise MissingPart(error.what, error.remedy) from None
    try:
        inside.apart(kernel.own)
    except OSError as error:
        raise MissingPart(
            f"namespaces cannot be made here: {error.strerror}", "a machine of its own, no container"
        ) from None
    if not (top / "cgroup.kill").exists() and not any(top.glob("*/cgroup.kill")):
        raise MissingPart("this kernel cannot end a control group at once", "Linux 5.14 or newer")


def _there(tool: str) -> bool:
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def up(layout: Layout, told: Told) -> None:
    """Bring everything up. What was begun is ended again where something fails; its logs stay.

    Raises `UsageError` where a lab is up, `MissingPart`, `EnforceError`.
    """
    if not FEWEST <= layout.gpus <= MOST:
        raise UsageError(f"{layout.gpus} GPU nodes are not {FEWEST} to {MOST}", f"--gpus {FEWEST}")
    need()
    with _alone() as known:
        _refuse_second(layout)
        _remember(known, layout.folder)
        began = time.monotonic()
        try:
            _build(layout, lambda what: told(f"{time.monotonic() - began:5.1f} s  {what}"))
        except BaseException:
            world.end(layout)  # logs stay until the next up or down
            raise


def _refuse_second(layout: Layout) -> None:
    if world.left() or inside.group().exists():
        raise UsageError("a lab is up on this machine", "`ringfence lab status`, `ringfence lab down`")
    if layout.folder.exists() and any(layout.folder.iterdir()) and not (layout.folder / MARK).exists():
        raise UsageError(f"{layout.folder} holds something else", "name a new folder with --dir")
    _empty(layout)


def _build(layout: Layout, told: Told) -> None:
    layout.folder.mkdir(parents=True, exist_ok=True)
    (layout.folder / MARK).write_bytes(msgspec.json.encode(Mark(layout.gpus, time.time())))
    world.namespaces(layout)
    world.boot(layout)
    parts.firewall(layout)
    told(f"{len(layout.machines)} machines")
    steps: dict[str, Callable[[], None]] = {
        "Slurm": lambda: parts.start_slurm(layout),
        "fabric": lambda: parts.start_fabric(layout),
        "logins": lambda: _logins(layout),
        "storage": lambda: parts.start_storage(layout),
        "agents and enforcers": lambda: _ours(layout),
    }
    with ThreadPoolExecutor(len(steps)) as pool:
        running = {name: pool.submit(_step, name, step, told) for name, step in steps.items()}
    for one in running.values():
        one.result()
    work.start(layout)
    told("training jobs")
    site.write(layout)
    site.settings(layout)
    told("estate")
    told(site.BUDGET)


def _step(name: str, step: Callable[[], None], told: Told) -> None:
    step()
    told(name)


def _logins(layout: Layout) -> None:
    parts.operator_key(layout)
    for machine in layout.machines:
        if ours.has_sshd(machine):
            parts.start_sshd(layout, machine)


def _ours(layout: Layout) -> None:
    ours.start_server(layout)
    ours.join(layout)
    ours.start_nodes(layout)


def down(layout: Layout) -> bool:
    """Take everything away; whether there was anything.

    Raises `UsageError` where the lab that is up is another folder's, `EnforceError` where something stays.
    """
    if os.geteuid():
        raise MissingPart("the lab is root's", "sudo ringfence lab down")
    if (layout.folder / MARK).exists():
        layout = laid_out(layout.folder)
    with _alone() as known:
        there = bool(world.left()) or inside.group().exists()
        known.seek(0)
        where = known.read()
        if there and where not in ("", str(layout.folder)):
            raise UsageError(f"the lab that is up is in {where}", f"ringfence lab down --dir {where}")
        there = there or (layout.folder / MARK).exists()
        _clear(layout)
        _remember(known, None)
    return there


def _clear(layout: Layout) -> None:
    world.end(layout)
    _empty(layout)


def _empty(layout: Layout) -> None:
    """Remove what is ours of the folder, and the folder if nothing else is in it."""
    if not (layout.folder / MARK).exists():
        return
    mine = {one.name for one in layout.machines} | {layout.shared.name, layout.estate.name, MARK}
    for place in layout.folder.iterdir():
        if place.name in mine or place.suffix == ".sock":
            shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
    if not any(layout.folder.iterdir()):
        layout.folder.rmdir()


@contextmanager
def _alone() -> Iterator[TextIO]:
    """One `up` or `down` at a time on this machine. Raises `UsageError`."""
    with LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError("the lab is being brought up or down just now", "wait for it to end") from None
        yield lock


def _remember(known: TextIO, folder: Path | None) -> None:
    known.truncate(0)
    known.write(str(folder) if folder else "")
    known.flush()


def laid_out(folder: Path) -> Layout:
    """The lab in a folder, with as many nodes as it was brought up with. Raises `UsageError`."""
    try:
        mark = msgspec.json.decode((folder / MARK).read_bytes(), type=Mark)
    except (OSError, msgspec.MsgspecError):
        raise UsageError(f"no lab is in {folder}", "`ringfence lab up`") from None
    return Layout(folder, mark.gpus)


def status(layout: Layout) -> dict[str, Any]:
    """The documented shape of `ringfence lab status --json`."""
    connected = ours.connected(layout)
    machines = [_machine(layout, one, connected) for one in layout.machines]
    nodes, sweeps = _nodes(layout), parts.fabric_of(layout).sweeps()
    manager = next(one for one in machines if one["role"] == "ibm")["processes"].get("opensm")
    works = all(one["up"] and one.get("connected", True) and _runs(one) for one in machines)
    return {
        "folder": str(layout.folder),
        "works": works and len(nodes) == layout.gpus and manager == "runs" and bool(sweeps),
        "machines": machines,
        "slurm": nodes,
        "fabric": {"state": "up" if manager == "runs" and sweeps else "down", "sweeps": sweeps},
        "estate": str(layout.estate) if layout.estate.exists() else "",
    }


def _runs(machine: dict[str, Any]) -> bool:
    return "ended" not in machine["processes"].values()


def _machine(layout: Layout, machine: Machine, connected: set[str]) -> dict[str, Any]:
    running = processes.noted(layout.home(machine))
    told: dict[str, Any] = {
        "name": machine.name,
        "role": machine.role,
        "address": machine.address,
        "up": bool(running.get(inside.INIT)),
        "processes": {name: "runs" if pid else "ended" for name, pid in running.items()},
    }
    return told | ({"connected": machine.entity in connected} if machine.is_ours else {})


def _nodes(layout: Layout) -> dict[str, str]:
    try:
        text = inside.said(layout, layout.machine("ctl"), ["sinfo", "-h", "-N", "-o", "%N %T"])
    except RingfenceError:
        return {}
    return dict(line.split() for line in text.splitlines())
