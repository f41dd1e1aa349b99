"""What a look at a host tells the audit: settings that its checks read, in the words of the collectors.

Seen ─▶ files as a capture holds them ─▶ collectors of hosts and accelerators ─▶ settings and coverage of this host

The collectors themselves are asked, so that a setting has one spelling. A group of files of which one is a link or
cannot be read is not told at all: the first word in sshd's files counts, and that may be the one that is missing.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from time import time

from msgspec.structs import replace

from ringfence.assess.harden import reads
from ringfence.assess.harden.measure import Measure, Sysctl
from ringfence.assess.harden.wants import running
from ringfence.collect import gpu, hosts
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.tree import Tree, look
from ringfence.errors import InputError, Problem, UsageError
from ringfence.estate import ids
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.wire.host import pam
from ringfence.wire.host.entry import Entry, Kind, Seen

SOURCE = "harden check"
TAKES: dict[str, tuple[str, ...]] = {
    "iommu": ("/proc/cmdline",),
    "profiling_admin": ("/proc/driver/nvidia/params",),
    "job_logins": ("/etc/pam.d/*",),
    "ssh_daemon": ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf"),
}
"""Measure → the files that say its setting. `kernel_memory` is told by the values of its keys."""
_KERNEL = "kernel_memory"
_STATES: dict[str, tuple[str, ...]] = {
    "sshd": ("sshd.", "ssh_root", "ssh_hostbased", "ssh_agents", "ssh_login"),
    "pam": ("pam_slurm_adopt",),
    "gpu-params": ("profiling", "nvidia_device_mode"),
}
"""Aspect → how the settings begin that it tells whole: one that is not said anew is no longer so."""
_HERE = "here"
_SAID = ("setting", "asked")


def told(
    estate: Estate, root: Path, measures: Sequence[Measure], host: str, now: float | None = None
) -> tuple[Estate, list[Problem]]:
    """The estate with what is so on this host now, in place of what was told of it before; what could not be told.

    `host`: its id or name, "" for the name that its tree has. Raises `UsageError` for a host that is not in the estate.
    """
    tree = Tree(root)
    of = host_of(estate, tree, host)
    wanted = [path for one in measures for path in TAKES.get(one.name, ())]
    seen = look(tree, [*reads.paths(measures), *wanted], ())
    problems: list[Problem] = []
    files = list(_files(seen, measures, time() if now is None else now, problems))
    added = list(_facts(files, of))
    return estate.with_delta(added, list(_stale(estate, of, added))), problems


def host_of(estate: Estate, tree: Tree, named: str) -> str:
    """The id of the host. Raises `UsageError`."""
    name = named or tree.entry("/etc/hostname").content.decode("utf-8", "replace").strip()
    of = name if name.startswith("host:") else ids.host(name)
    if not name or of not in estate:
        what = f"{of} is not in this estate" if name else "the tree has no /etc/hostname"
        raise UsageError(what, "name it with --host; `ringfence show --list host` lists what is there")
    return of


def _facts(files: Sequence[CapturedFile], of: str) -> Iterator[Fact]:
    scope = Scope()
    for collector in (hosts.COLLECTOR, gpu.COLLECTOR):
        mine = [file for file in files if collector.recognise(file.path, file.head)]
        for found in collector.collect(collector.name, mine, scope) if mine else ():
            if isinstance(found, Fact) and found.subject == scope.host(_HERE) and found.predicate in _SAID:
                attributes = dict(found.attributes)
                if found.object == "kernel":
                    attributes.pop("complete", None)  # only some of its keys are read
                yield replace(found, subject=of, attributes=attributes, source=SOURCE)


def _stale(estate: Estate, of: str, added: Sequence[Fact]) -> Iterator[Fact]:
    """What was said of the same things before."""
    aspects = {fact.object for fact in added if fact.predicate == "asked"}
    names = {fact.object.partition("=")[0] for fact in added if fact.predicate == "setting"}
    begins = tuple(start for aspect in aspects for start in _STATES.get(aspect, ()))
    for fact in estate.about(of, "setting"):
        if fact.object.partition("=")[0] in names or fact.object.startswith(begins):
            yield fact
    for fact in estate.about(of, "asked"):
        if fact.object in aspects and (fact.source == SOURCE or not fact.attributes.get("answered")):
            yield fact


def _files(seen: Seen, measures: Sequence[Measure], now: float, problems: list[Problem]) -> Iterator[CapturedFile]:
    for measure in measures:
        entries = [entry for path in TAKES.get(measure.name, ()) for entry in seen.at(path)]
        there = [entry for entry in entries if entry.kind is not Kind.ABSENT]
        unread = next((one for one in _needed(measure.name, there) if one.kind is not Kind.FILE), None)
        if unread:
            remedy = "read it as root, or put a plain file there"
            problems.append(Problem(unread.path, 0, f"{measure.name} is not told: it is a {unread.kind}", remedy))
            continue
        yield from (_captured(one.path, one.content, now) for one in there if one.kind is Kind.FILE)
        if measure.name == _KERNEL:
            values = "".join(_values(measure, seen))
            yield from [_captured("/sysctl", values.encode(), now)] if values else ()


def _needed(measure: str, there: Sequence[Entry]) -> Sequence[Entry]:
    """Those that have to be read: of PAM's folder sshd's own file and what that takes in."""
    if measure != "job_logins":
        return there
    own = [one for one in there if one.path == "/etc/pam.d/sshd"]
    try:
        rules = [rule for one in own for rule in pam.rules(one.content)]
    except InputError:
        return own
    taken = {f"/etc/pam.d/{rule.module}" for rule in rules if rule.control in ("include", "substack")}
    return [*own, *(one for one in there if one.path in taken)]


def _values(measure: Measure, seen: Seen) -> Iterator[str]:
    for want in measure.wants:
        if isinstance(want, Sysctl):
            (entry,) = seen.at(running(want))
            if entry.kind is Kind.FILE:
                yield f"{want.key} = {entry.content.decode('utf-8', 'replace').strip()}\n"


def _captured(path: str, content: bytes, now: float) -> CapturedFile:
    return CapturedFile(f"hosts/{_HERE}{path}", content, now)
