"""The lab as the planner sees it: its estate, surveyed from real outputs, and the settings of fence and guard.

        captures: each host's own commands, Slurm's in ctl, InfiniBand's in ibm ─┐
        facts: what no command tells (the model, who reads it, the way out) ─────┴─▶ collect ─▶ lab.estate

The commands are those of `ringfence capture-script`, run in the lab's machines.
"""

from base64 import b64decode
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from ringfence.app import enrol
from ringfence.app.estates import save_estate
from ringfence.app.guard.room import ON_HOSTS
from ringfence.app.lab import ours, parts, work
from ringfence.app.lab.inside import said
from ringfence.app.lab.layout import (
    ALICE,
    CLUSTER,
    FABRIC,
    INSIDE,
    MODEL,
    MODEL_BYTES,
    OPERATOR,
    STORE_PORT,
    TELEMETRY_PORT,
    Layout,
    Machine,
)
from ringfence.app.survey import Scope, capture_salt, survey_tree
from ringfence.collect.probe import HashFile, Question, ReadFile
from ringfence.collect.questions import QUESTIONS
from ringfence.collect.script import capture_script
from ringfence.errors import EnforceError
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import EVERYONE, OUTSIDE

_GUARD = """\
# Trials follow one another within a minute, so the limits of a minute are wide.
up_to = "expel"
never = ["host:ctl", "host:ibm"]
keep = {keep}
hosts_a_minute = 64
jobs_a_minute = 64
incidents_a_minute = 64
"""
NETWORK = f"network:{INSIDE}"
STORAGE = "storage:store:/data"
FILES = f"service:store/files:{STORE_PORT}"
PER_HOUR = MODEL_BYTES // 200
BUDGET = (
    f"{MODEL} has 1 GiB, less than the 10 GiB below which no jewel gets a budget: the lab lowers that floor for it, "
    f"to {PER_HOUR:,} bytes an hour, a two-hundredth"
)
_OWN = (
    *("/passwd", "/group", "/sshd-T", "/sockets", "/ip-addr", "/ip-route"),
    *("/authorized_keys", ".pub", "/sshd_config", "/pam.d/sshd"),
)
_AT_ONCE = 4
_WHERE = {"ctl": "head", "ibm": "fabric"}


def write(layout: Layout, more: Iterable[Fact] = ()) -> None:
    """Survey the lab as it is now, with `more` facts, and write its estate. Raises `EnforceError`."""
    capture = layout.home(layout.machine("ctl")) / "capture"
    first, *others = (one for one in layout.machines if one.is_ours)
    _ask(layout, first, capture)  # it makes the capture's salt
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda one: _ask(layout, one, capture), others))
    (capture / "fabric" / "partitions.conf").write_bytes(parts.fabric_of(layout).partitions.read_bytes())
    told = [*facts(layout, capture_salt(capture)), *more]
    (capture / "facts.ndjson").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in told))
    survey = survey_tree(capture, Scope(CLUSTER))
    if survey.problems:
        raise EnforceError(f"the lab's own outputs could not be read: {survey.problems[0]}")
    save_estate(survey.estate, layout.estate, ())


def _ask(layout: Layout, machine: Machine, capture: Path) -> None:
    where = _WHERE.get(machine.name, "")
    questions = [one for one in QUESTIONS if one.where == where or _own(one)]
    env = parts.fabric_of(layout).tools() if where == "fabric" else {}
    script = capture_script(questions)
    said(layout, machine, ["sh", "-s", "--", "-o", str(capture)], given=script, env=env, timeout=60)


def _own(question: Question) -> bool:
    """Whether its answer tells of the machine, not of the system below all of them."""
    from_file = question.glob.rstrip("*") if isinstance(question, ReadFile | HashFile) else question.path
    return question.path.startswith("hosts/") and from_file.endswith(_OWN)


def facts(layout: Layout, salt: bytes) -> Iterator[Fact]:
    """What no command of the lab's machines tells."""
    ws, store = layout.machine("ws"), layout.machine("store")
    yield Fact(MODEL, "stored_on", STORAGE, {"path": "/data/weights.bin"})
    yield Fact(MODEL, "size_bytes", str(MODEL_BYTES))
    yield Fact(MODEL, "readable_by", f"identity:{ALICE.name}")
    yield Fact(MODEL, "readable_by", EVERYONE)  # the file server asks nobody who he is
    yield Fact(MODEL, "in_tenant", f"tenant:{ALICE.tenant}")
    for job in work.jobs_of(layout, ALICE):
        yield Fact(f"job:slurm/{CLUSTER}/{job}", "reads", MODEL)
    yield Fact(ours.DATASET, "stored_on", STORAGE, {"path": "/data/datasets"})
    yield Fact(ours.DATASET, "size_bytes", str(parts.SHARDS * parts.SHARD))
    yield Fact(STORAGE, "exported_by", store.entity)
    yield Fact(STORAGE, "exported_to", NETWORK, {"mode": "ro"})
    yield Fact(STORAGE, "authenticates", "none")
    for one in layout.nodes:
        yield Fact(one.entity, "mounts", STORAGE, {"mode": "ro", "path": "/data"})
    yield Fact(FILES, "runs_on", store.entity)
    yield Fact(FILES, "service_kind", "http")
    yield Fact(FILES, "listens_on", NETWORK, {"port": STORE_PORT, "address": store.address})
    yield Fact(NETWORK, "reaches_outside", OUTSIDE, {"mbit_s": 10_000})
    yield Fact(ws.entity, "attached_to", NETWORK, {"address": ws.address})
    line = layout.client_key.with_suffix(".pub").read_text().split()
    key = ids.credential("ssh", b64decode(line[1]), salt)
    yield Fact(ws.entity, "stores_credential", key, {"readable_by": "user", "path": "/home/rf-ops/.ssh/id_ed25519"})
    yield Fact(f"identity:{OPERATOR.name}", "logs_in_from", ws.entity)
    yield from enrol.facts(layout.server)
    ctl, watch = layout.machine("ctl"), f"service:ctl/ringfence:{TELEMETRY_PORT}"
    yield Fact(watch, "runs_on", ctl.entity)
    yield Fact(watch, "service_kind", "ringfence")
    yield Fact(watch, "listens_on", NETWORK, {"port": TELEMETRY_PORT, "address": ctl.address})
    for one in layout.machines:
        if one.is_ours:
            yield Fact(one.entity, "watched_by", watch)


def settings(layout: Layout) -> None:
    """`fence.toml` and `guard.toml`, beside the fence's state; who may tell of others, beside the server's keys."""
    tables = [_orders(layout, target, "*") for target in ("nftables", "sshd", *ON_HOSTS)]
    tables += [_orders(layout, target, f"network:ib/{FABRIC}", "ibm") for target in ("quarantine", "ports")]
    tables.append(_orders(layout, "scheduler", f"cluster:{CLUSTER}", "ctl"))
    (layout.state / "fence.toml").write_text("\n".join(tables))
    kept = [layout.machine(name).address for name in ("ctl", "ibm")]
    (layout.state / "guard.toml").write_text(_GUARD.format(keep=kept))
    (layout.server / "collectors.toml").write_text('collectors = "ctl,ibm"\n')


def _orders(layout: Layout, target: str, where: str, by: str = "") -> str:
    """A table of fence.toml: by signed orders, which the enforcer of machine `by` carries out if that is told."""
    beside = f'host = "{layout.machine(by).entity}"\n' if by else ""
    return f'[[enforcer]]\ntarget = "{target}"\nwhere = "{where}"\norders = "{layout.server}"\n{beside}'
