"""The log of Slurm's daemons, by itself or through syslog: what was asked of the scheduler, and who was refused.

    [2026-01-02T03:04:05.678] _slurm_rpc_submit_batch_job: JobId=4711 InitPrio=1 usec=123
    [2026-01-02T03:04:06.000] sched: Allocate JobId=4711 NodeList=gpu[0001-0002] #CPUs=256 Partition=train

Source: SchedMD's slurm, src/slurmctld/{proc_req,job_mgr,job_scheduler,node_scheduler}.c, releases 22 to 25. The log
does not say which cluster it is of: `job.uid` has the cluster empty, `job:slurm//4711`.
"""

import re
from collections.abc import Iterable

from ringfence.errors import InputError
from ringfence.estate import ids
from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.row import Row, micros
from ringfence.wire.logs.syslog_line import Line, finish
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from ringfence.wire.slurm import hostlist

_LINE = re.compile(r"\A\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)\] (.*)\Z", re.DOTALL)
_JOB = re.compile(r"\bJobId=(\d{1,10})(?:_(\d{1,8}))?")
_WORD = re.compile(r"(?:\A|[\s,])(Partition|uid|UID|WEXITSTATUS|Reservation|ReservationName)[= ]([^\s,;]{1,200})")
_NODES = re.compile(r"(?:\A|\s)NodeList=(\S{1,2000})")
_MOST_HOSTS = 12_000
"""Names that one line may stand for."""
_KINDS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"\A_slurm_rpc_submit_batch_(?:het_)?job: |\A_slurm_rpc_allocate_resources: (?:sched: )?JobId="), 1),
    (re.compile(r"\A(?:sched: |backfill: |sched/backfill: )[^\n:]{0,60}(?:Allocate|Started) JobId="), 2),
    (re.compile(r"\A_job_complete: JobId=\S{1,40} (?:done|WEXITSTATUS|WTERMSIG|OOM)"), 3),
    (re.compile(r"\A[^\n]{0,60}[Rr]equeu(?:e|ing) JobId=|\A_job_complete: requeue "), 4),
    (re.compile(r"\A(?:_slurm_rpc_kill_job|job_signal|_job_signal|_slurm_rpc_complete_batch_script: kill)"), 5),
    (re.compile(r"\A_?(?:slurm_rpc_)?update_job|\A_slurm_rpc_update_job"), 6),
    (re.compile(r"\A_?(?:slurm_rpc_)?(?:create|update|delete)_resv|\A_slurm_rpc_resv_"), 7),
)
_REFUSED = re.compile(
    r"\b(?:Security violation|Invalid (?:user|uid|job credential|authtype)|Munge decode failed|Unauthorized credential"
    r"|authentication (?:failed|failure|error)|Protocol authentication error)",
    re.IGNORECASE,
)
_DAEMONS = re.compile(r"\b(?:slurm|_slurm_rpc_|sched: |JobId=|StepId=|backfill|_job_complete|node_did_resp|agent/)")


class Reader:
    """A daemon's log, a line at a time."""

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The event of one line."""
        found = _LINE.match(line)
        if not found:
            raise ValueError("no line of a Slurm daemon's log")
        return (said(Line(micros(found[1]), "", "slurmctld", "", found[2], line)),)

    def end(self) -> Iterable[Event]:
        """Nothing is ever open."""
        return ()


def said(line: Line) -> Event:
    """The event of what a daemon says, however it came."""
    text = line.text[:4000]
    if _REFUSED.search(text):
        row = Row(classes.AUTHENTICATION)
        row.put("service.name", line.program)
        row.put("status_id", 2)
        row.put("auth_protocol", "munge" if "unge" in text else None)
        _words(row, text)
        return finish(row, line, 1, "slurm//slurmctld")
    activity = next((number for pattern, number in _KINDS if pattern.match(text)), 0)
    job = _JOB.search(text)
    row = Row(classes.JOB if activity else classes.BASE)
    if job:
        row.put("job.uid", ids.job("", job[1]))
        row.keep("JobId", job[1] + (f"_{job[2]}" if job[2] else ""))
    _words(row, text)
    return finish(row, line, activity or 99, "slurm//job" if activity else "slurm//slurmctld")


def _words(row: Row, text: str) -> None:
    nodes = _NODES.search(text)
    if nodes:
        _hosts(row, nodes[1])
    for name, value in _WORD.findall(text):
        if name == "Partition":
            row.put("job.partition", value)
        elif name == "WEXITSTATUS":
            row.put("job.exit_code", value)
        elif name in ("uid", "UID"):
            row.put("actor.user.uid", value)
        else:
            row.put("job.reservation", value)


def _hosts(row: Row, value: str) -> None:
    try:
        hosts = hostlist.expand(value, _MOST_HOSTS)
    except InputError:
        row.keep("NodeList", value)
        return
    row.put("job.hosts", ",".join(hosts))
    row.put("job.nodes", len(hosts))


def looks(head_: bytes) -> bool:
    """Whether the lines are dated in brackets, and some speak of Slurm."""
    lines = head.lines(head_)
    dated = [line for line in lines if _LINE.match(line)]
    return bool(dated) and head.mostly(len(dated), len(lines)) and any(_DAEMONS.search(line) for line in dated)


FORM = Form("slurmctld", "the log of slurmctld, slurmd or slurmdbd", looks, Reader)
