"""Slurm's hooks: five small programs without a library, and the lines of slurm.conf that name them.

Beside them stands `pod-gate.json`: the same gate for pods, as the entry of a runtime's list of network plugins.

PrologSlurmctld ─ started ─▶ follow.sock      the gate: a refused job waits in the queue, its nodes stay idle
Prolog ──────── wait-job ──▶ enforcer.sock    confirms: this node's own enforcer has the job's compartment in force
TaskProlog ───── confine ──▶ enforcer.sock    runs as the user: moves the task to where its job belongs
Epilog ────── remove-job ──▶ enforcer.sock    what the node itself keeps for the job goes
EpilogSlurmctld ── ended ──▶ follow.sock      the job's hosts are free, its keys leave the tables

Slurm gives hooks no PATH and counts their start against every job. So each is one file that names its interpreter,
which reads neither site-packages nor the environment (`-I -S`) and imports nothing that is not built in: that is
half of what Python needs with `socket` (8 instead of 16 ms).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ringfence.app.pod_gate import LONGEST_DEADLINE
from ringfence.errors import UsageError
from ringfence.wire.hooks import ON_OUTAGE
from ringfence.wire.hooks import SOCKET as ENFORCER
from ringfence.wire.jobs import SOCKET as FOLLOWER


class Hook(msgspec.Struct, frozen=True):
    """One hook. `asks`: the verb; `tells`: fields of it → variables that Slurm sets; `gates`: its exit counts."""

    setting: str
    file: str
    where: str
    asks: str
    tells: tuple[tuple[str, str], ...]
    gates: bool


_JOB = ("job", "SLURM_JOB_ID")
_ABOUT = (
    _JOB,
    ("nodes", "SLURM_JOB_NODELIST"),
    ("user", "SLURM_JOB_USER"),
    ("account", "SLURM_JOB_ACCOUNT"),
    ("leader", "SLURM_HET_JOB_ID"),
)
HOOKS = (
    Hook("PrologSlurmctld", "prolog-slurmctld", "follower", "started", _ABOUT, True),
    Hook("Prolog", "prolog", "enforcer", "wait-job", (_JOB,), True),
    Hook("TaskProlog", "task-prolog", "enforcer", "confine", (), True),
    Hook("Epilog", "epilog", "enforcer", "remove-job", (_JOB,), False),
    Hook("EpilogSlurmctld", "epilog-slurmctld", "follower", "ended", (_JOB,), False),
)
"""Every hook, in the order in which Slurm runs them."""

MAIN = """\
#!{python} -IS
# Written by Ringfence: {setting} of slurm.conf. `ringfence fence install-hooks` writes it anew.
import os
import sys
from _socket import AF_UNIX, socket

WHERE, VERB, TELLS = {where!r}, {asks!r}, {tells!r}
DEADLINE, PATIENCE, OUTAGE, GATES = {deadline!r}, {patience!r}, {outage!r}, {gates!r}


def word(name):
    return "".join(c if c.isalnum() or c in "_.,+@:-[]" else "?" for c in os.environ.get(name, ""))


def ask():
    told = [(field, word(name)) for field, name in TELLS]
    fields = "".join(',"%s":"%s"' % pair for pair in told if pair[1])
    deadline = ',"deadline":%s' % DEADLINE if DEADLINE else ""
    with_us = socket(AF_UNIX)
    with_us.settimeout(PATIENCE)
    with_us.connect(WHERE.replace("%n", word("SLURMD_NODENAME")))
    with_us.sendall(('{{"verb":"%s"%s%s}}\\n' % (VERB, fields, deadline)).encode())
    said = b""
    while not said.endswith(b"\\n"):
        more = with_us.recv(65536)
        if not more:
            raise OSError("it ended before it answered")
        said += more
    return said.decode("utf-8", "replace")


try:
    said = ask()
except OSError as error:
    said = '{{"verdict":"%s","why":"no answer at %s: %s"}}' % (OUTAGE, WHERE, error)
good = said.startswith(('{{"verdict":"allow"', '{{"verdict":"done"'))
if not good:
    sys.stderr.write("ringfence: " + said.strip() + "\\n")
sys.exit(0 if good or not GATES else 1)
"""
"""The program. It checks the answer by its first field, which `wire.hooks` writes first."""


class Settings(msgspec.Struct, frozen=True):
    """What is written into the hooks. `deadline` in seconds; `outage`: `allow` or `hold`."""

    folder: Path
    follower: Path = Path(FOLLOWER)
    enforcer: Path = Path(ENFORCER)
    python: Path = Path("/usr/bin/python3")
    deadline: float = 10.0
    outage: str = "hold"

    def checked(self) -> "Settings":
        """Itself. Raises `UsageError` where a hook made of it could not work."""
        for path in (self.folder, self.follower, self.enforcer, self.python):
            if not path.is_absolute() or any(c.isspace() for c in str(path)):
                raise UsageError(f"{path} is no absolute path without blanks", "Slurm gives hooks no PATH")
        if self.outage not in ON_OUTAGE:
            raise UsageError(f"{self.outage!r} is no answer to an outage", f"one of {', '.join(ON_OUTAGE)}")
        if not os.access(self.python, os.X_OK):
            raise UsageError(f"{self.python} is no program here", "name a Python 3 that every node has there")
        return self


def text_of(hook: Hook, settings: Settings) -> str:
    """The program of one hook."""
    return MAIN.format(
        python=settings.python,
        setting=hook.setting,
        where=str(settings.enforcer if hook.where == "enforcer" else settings.follower),
        asks=hook.asks,
        tells=hook.tells,
        deadline=settings.deadline if hook.asks in ("started", "wait-job") else 0,
        patience=settings.deadline + 5,
        outage=settings.outage,
        gates=hook.gates,
    )


POD_GATE = "pod-gate.json"
_PLATFORM = ("kube-system",)
"""Namespaces whose pods are not held: the API, names and networks of the cluster rest on them."""


def pod_gate(settings: Settings) -> str:
    """The pod gate's entry: the last one of `plugins` in a node's `.conflist` (CNI specification, section 1)."""
    entry = {
        "type": "ringfence-pod-gate",
        "onOutage": settings.outage,
        "deadline": min(settings.deadline, LONGEST_DEADLINE),
        "socket": str(settings.enforcer),
        "exempt": list(_PLATFORM),
    }
    return msgspec.json.format(msgspec.json.encode(entry), indent=2).decode() + "\n"


def install(settings: Settings) -> list[Path]:
    """Write every hook (0755) and the pod gate's entry (0644), each whole or not at all. Raises `UsageError`."""
    settings.checked()
    texts = [(hook.file, 0o755, text_of(hook, settings)) for hook in HOOKS] + [(POD_GATE, 0o644, pod_gate(settings))]
    written = []
    try:
        settings.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name, mode, text in texts:
            path = settings.folder / name
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "w") as file:
                file.write(text)
                os.fchmod(file.fileno(), mode)
            beside.replace(path)
            written.append(path)
    except OSError as error:
        raise UsageError(f"{settings.folder}: {error.strerror}", "name a folder that root may write") from None
    return written


def conf_lines(settings: Settings) -> Iterator[str]:
    """The lines for slurm.conf: the same on every machine of the cluster."""
    for hook in HOOKS:
        yield f"{hook.setting}={settings.folder / hook.file}"
    yield "PrologFlags=Alloc"
    yield f"PrologEpilogTimeout={int(settings.deadline) + 15}"
