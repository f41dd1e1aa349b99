"""How much of Ringfence is on in the lab: nothing, watching only, the fence only, or everything.

off: no fence, no guard · detect: the guard in shadow mode, no fence · fence: the fence in force, no guard
all: the fence, and the guard that acts
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from ringfence.app.estates import open_estate
from ringfence.app.guard import commands
from ringfence.app.lab import processes, quiet
from ringfence.app.lab.inside import daemon, said
from ringfence.app.lab.layout import (
    ALICE,
    CLUSTER,
    MODEL,
    MODEL_BYTES,
    SINK_PORT,
    SSH_PORT,
    TELEMETRY_PORT,
    Layout,
    Machine,
)
from ringfence.app.lab.ours import start_enforcer
from ringfence.app.lab.parts import SLURMCTLD
from ringfence.app.lab.settling import settle, site_of
from ringfence.app.lab.stage import OUTSIDE_NETWORK
from ringfence.app.lab.work import jobs_of
from ringfence.app.watch import incidents
from ringfence.app.watch.made import Made
from ringfence.errors import EnforceError, Problem

MODES = ("off", "detect", "fence", "all")
BUDGETS = {"on": MODEL_BYTES // 200, "raised": 2 * MODEL_BYTES, "off": 0}
"""Bytes an hour that may leave: a two-hundredth of the model, more than the model, or without any budget."""
_START = 90.0
_CALM = 4.0
"""Seconds without an incident."""
_SAID = 'owner = "lab"\nreason = "{}"\nexpires = 2099-01-01\n'
_WAY_OUT = (
    f'[[allow]]\nfrom = "gang:slurm/{CLUSTER}/{{job}}"\nto = "network:{OUTSIDE_NETWORK}"\nwhat = "tcp/{SINK_PORT}"\n'
    + _SAID.format("a mirror")
)
_WAY_IN = '[[allow]]\nfrom = "{start}"\nto = "{end}"\nwhat = "tcp/{port}"\n' + _SAID.format("people log in and submit")
_BUDGET = f'[[budget]]\njewel = "{MODEL}"\nbytes_per_hour = {{bytes}}\n' + _SAID.format(
    "smaller than what gets a budget"
)


class Mode(msgspec.Struct, frozen=True):
    """What is on. `budget` is a key of `BUDGETS`; `only` names the one detector that is not silent, "" for all."""

    name: str = "all"
    budget: str = "on"
    only: str = ""

    @property
    def fenced(self) -> bool:
        """Whether the fence is in force."""
        return self.name in ("fence", "all")

    @property
    def watched(self) -> bool:
        """Whether a guard runs."""
        return self.name in ("detect", "all")


def enter(layout: Layout, mode: Mode, told: Callable[[str], None]) -> None:
    """Bring the lab into a mode, from whatever it was in. Raises `EnforceError`."""
    if (layout.state / "mode.json").exists() and _now(layout) == mode and (not mode.watched or _guard(layout)):
        return
    leave(layout)
    if mode.fenced:
        overrides(layout, mode.budget)
        told(f"the fence, budget {mode.budget}")
        fence(layout, "apply")
    if mode.watched:
        told("the guard, which first lives through quiet hours")
        start_guard(layout, mode)
    (layout.state / "mode.json").write_bytes(msgspec.json.encode(mode))


def leave(layout: Layout) -> None:
    """Nothing is on, and nothing that a guard did stands."""
    if _guard(layout):
        settle(layout, watch_home(layout))
    stop_guard(layout)
    (layout.state / "mode.json").unlink(missing_ok=True)
    if (layout.state / "in-force.json").exists():
        fence(layout, "undo")
    for one in layout.nodes:  # what was spent of a budget belongs to trials that are over
        (layout.home(one) / "spent.json").unlink(missing_ok=True)


def unspent(layout: Layout, node: Machine) -> None:
    """A node's budget as if its hour were over: its table and its memory of what was spent are made anew."""
    processes.end([processes.noted(layout.home(node)).get("enforcer", 0)])
    said(layout, node, ["nft", "delete", "table", "inet", "ringfence"])
    (layout.home(node) / "spent.json").unlink(missing_ok=True)
    start_enforcer(layout, node)
    if not processes.wait(lambda: "spend_" in said(layout, node, ["nft", "list", "ruleset"]), _START, 0.05):
        raise EnforceError(f"the fence of {node.name} does not come back")


def fence(layout: Layout, verb: str) -> None:
    """`ringfence fence apply` or `undo`, on the server. Raises `EnforceError`."""
    words = ["fence", verb, "--state", str(layout.state), "--site", str(layout.state / "fence.toml"), "--apply"]
    more = ["--overrides", str(layout.state / "overrides.toml"), "--target", "nftables"] if verb == "apply" else []
    argv = [sys.executable, "-m", "ringfence", *words, "--estate", str(layout.estate), *more]
    said(layout, layout.machine("ctl"), argv, timeout=120)


def overrides(layout: Layout, budget: str) -> None:
    """The ways in that people have, the way out of tenant a's training job (a mirror), and how much may pass there."""
    ws, login, ctl = (layout.machine(name).entity for name in ("ws", "login", "ctl"))
    ways = [(ws, login, SSH_PORT), (login, ctl, SLURMCTLD), *((login, one.entity, SSH_PORT) for one in layout.nodes)]
    lines = [_WAY_IN.format(start=start, end=end, port=port) for start, end, port in ways]
    lines += [_WAY_OUT.format(job=job) for job in jobs_of(layout, ALICE)]
    lines += [_BUDGET.format(bytes=BUDGETS[budget])] if BUDGETS[budget] else []
    (layout.state / "overrides.toml").write_text("\n".join(lines))


def start_guard(layout: Layout, mode: Mode) -> None:
    """A guard on a new folder, with habits known; it hears agents when this returns."""
    home = layout.home(layout.machine("ctl")) / f"watch-{time.time_ns()}"
    problems: list[Problem] = []
    made = Made(open_estate(layout.estate, None), (), problems, (mode.only,) if mode.only else ())
    asyncio.run(quiet.learn(home, layout, made))
    ctl = layout.machine("ctl")
    words = ["guard", "--server", str(layout.server), "--address", f"{ctl.address}:{TELEMETRY_PORT}"]
    words += ["--estate", str(layout.estate), "--site", str(layout.state / "fence.toml"), "--state", str(layout.state)]
    words += ["--home", str(home), "--settings", str(layout.state / "guard.toml"), "--json"]
    words += ["--only", mode.only] if mode.only else []
    words += ["--apply"] if mode.name == "all" else []
    log = layout.home(ctl) / "log" / "guard.log"
    log.unlink(missing_ok=True)
    commands.stopped(site_of(layout, home), "the lab's guard begins")  # until it knows what is usual, nothing is cut
    daemon(layout, ctl, "guard", [sys.executable, "-m", "ringfence", *words])
    if not processes.wait(lambda: _hears(layout), _START, 0.2):
        raise EnforceError(f"the guard did not start: {log.read_text()[-1000:]}")
    calm(home)
    commands.resumed(site_of(layout, home), "the lab's guard has begun")


def calm(home: Path) -> None:
    """What the watch makes of the lab's own coming up is called benign, as an operator would after an installation."""
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < _CALM:
        for one in incidents.listed(home):
            incidents.judge(home, one.id, "benign", "the lab came up")
            quiet_since = time.monotonic()
        time.sleep(0.2)


def stop_guard(layout: Layout) -> None:
    """End the guard, if one runs, and wait for it."""
    pid = _guard(layout)
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not processes.wait(lambda: not _guard(layout), 20):
            raise EnforceError(f"the guard (process {pid}) does not end")


def watch_home(layout: Layout) -> Path:
    """The folder of the watch of the guard that was started last."""
    return max(layout.home(layout.machine("ctl")).glob("watch-*"))


def _guard(layout: Layout) -> int:
    return processes.noted(layout.home(layout.machine("ctl"))).get("guard", 0)


def _hears(layout: Layout) -> bool:
    """Whether every agent is connected to it."""
    ours = sum(one.is_ours for one in layout.machines)
    out = said(layout, layout.machine("ctl"), ["ss", "-Htn", "state", "established", "sport", f"= :{TELEMETRY_PORT}"])
    return len(out.splitlines()) >= ours


def _now(layout: Layout) -> Mode:
    return msgspec.json.decode((layout.state / "mode.json").read_bytes(), type=Mode)
