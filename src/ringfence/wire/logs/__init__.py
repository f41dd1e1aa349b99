"""Logs and telemetry of other tools, recognised by content: lines in, OCSF events and problems out.

        head ──recognise──▶ Form          a whole file: `read(name, data)`
                             └──reader──▶ a stream: `Following(form, name).feed(bytes)`

One file per form. Nothing here opens or listens: `collect.telemetry` does. Every form is in `FORMS`, most telling
first, and `docs/logs.md` lists what each gives and loses.
"""

from collections.abc import Iterator

from ringfence.errors import Problem
from ringfence.wire.logs import (
    agent,
    auditd,
    bmc,
    dcgm,
    evtx,
    fabric_log,
    falco,
    ib_counters,
    journal,
    kubernetes_audit,
    otlp,
    rdma_resources,
    slurm_accounting,
    slurm_hooks,
    slurmctld,
    smi,
    suricata,
    syslog,
    tetragon,
    windows_json,
    zeek,
)
from ringfence.wire.logs.feed import Following, Streams, read_as
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.head import HEAD, PASSED_OVER
from ringfence.wire.ocsf.event import Event

__all__ = ["FORMS", "Following", "Form", "Streams", "form_named", "read", "read_as", "recognise"]

FORMS: tuple[Form, ...] = (
    evtx.FORM,
    agent.FORM,
    windows_json.FORM,
    falco.FORM,
    journal.FORM,
    tetragon.FORM,
    suricata.FORM,
    kubernetes_audit.FORM,
    otlp.FORM,
    zeek.FORM,
    auditd.FORM,
    fabric_log.FORM,
    slurm_hooks.FORM,
    slurm_accounting.FORM,
    dcgm.FORM,
    smi.XML_FORM,
    smi.CSV_FORM,
    ib_counters.FORM,
    rdma_resources.FORM,
    bmc.JSON_FORM,
    bmc.SEL_FORM,
    slurmctld.FORM,
    syslog.FORM,
)
"""Every form that is told by its looks; the first that claims a head has it."""


def recognise(head: bytes, forms: tuple[Form, ...] = FORMS) -> Form | None:
    """The form of a log by its first bytes (up to 64 KiB are looked at); None where none claims it.

    Where none does, some lines at the start are passed over: a torn line must not hide those below it. A form that is
    one document is not looked for below its start.
    """
    head = head[:HEAD]
    found = next((form for form in forms if form.looks(head)), None)
    for _ in range(PASSED_OVER):
        head = head.partition(b"\n")[2]
        if found is not None or not head.strip():
            break
        found = next((form for form in forms if form.whole is None and form.looks(head)), None)
    return found


def form_named(name: str) -> Form | None:
    """The form of this name."""
    return next((form for form in FORMS if form.name == name), None)


def read(name: str, data: bytes) -> Iterator[Event | Problem]:
    """Everything in a whole file of any form. `name` is the file's, for problems."""
    form = recognise(data[:HEAD])
    if form is not None:
        yield from read_as(form, name, data)
    elif data.strip():
        yield Problem(
            name, 0, "no form of log that is known", "docs/logs.md lists the forms; a mapping file names others"
        )
