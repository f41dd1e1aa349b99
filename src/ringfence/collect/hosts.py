"""What hosts say about themselves: accounts, keys, SSH, sockets, devices, kernel, runtimes, addresses.

        files ─by host─▶ Bundle ─sections─▶ facts        (each section reads the forms it needs)
                            └──────────────▶ what spans hosts: account hubs, routed networks

Everything of one host is read together, since one file means little without the others: a key
opens an account only if sshd and PAM let it.
"""

from collections import defaultdict
from collections.abc import Iterator

from ringfence.collect import hosts_groups, hosts_identity, hosts_machine, hosts_network, hosts_questions
from ringfence.collect.base import CapturedFile, Collector, Found, Scope, asked, stamped
from ringfence.collect.hosts_bundle import Bundle, classify
from ringfence.errors import Problem
from ringfence.estate.facts import Fact

QUESTIONS = hosts_questions.QUESTIONS

ASPECTS: dict[str, tuple[str, ...]] = {
    "users": ("passwd", "group"),
    "ssh-keys": ("authorized_keys", "secrets"),
    "sshd": ("sshd",),
    "pam": ("pam",),
    "sudoers": ("sudoers",),
    "sockets": ("sockets",),
    "devices": ("modes",),
    "runtime-sockets": ("modes",),
    "programs": ("unit", "cron"),
    "kernel": ("cmdline", "sysctl"),
    "runtime": ("toolkit", "docker", "apptainer", "enroot", "banner"),
    "addresses": ("ip-addr",),
}
"""Per coverage aspect the forms that answer it."""

_LISTINGS = {"devices": "devices", "runtime-sockets": "runtime-sockets", "programs": "runtime-sockets"}
"""Aspects whose whole answer needs this listing. The capture leaves out listings of nothing (agents' sockets,
writable programs), so the one that no running host has empty says that the others were asked for."""

_SECTIONS = (
    hosts_identity.keys,
    hosts_identity.ssh_server,
    hosts_identity.sudo,
    hosts_machine.devices,
    hosts_machine.kernel,
    hosts_machine.runtimes,
    hosts_machine.software,
    hosts_machine.programs,
    hosts_machine.present,
    hosts_network.addresses,
    hosts_network.services,
)


def recognise(path: str, head: bytes) -> str:
    """One of "hosts" for every file of this family."""
    return "hosts" if classify(path, head) else ""


def collect(form: str, files: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """All facts of all captured hosts."""
    by_host: dict[str, dict[str, list[CapturedFile]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        kind = classify(file.path, file.head)
        if kind == "etc-hosts" and "hosts" not in file.path.split("/")[:-1]:
            by_host[""][kind].append(file)
        elif kind not in ("salt", "log"):
            by_host[_host(file, scope)][kind].append(file)
    logins, trusts = hosts_identity.Logins(), hosts_identity.Trusts()
    nets, groups = hosts_network.Networks(scope.site), hosts_groups.Memberships()
    for host, forms in by_host.items():
        bundle = Bundle(host, forms, scope)
        if not host:
            yield from _homeless(bundle)
            continue
        for section in _SECTIONS:
            yield from section(bundle)
        yield from trusts.take(bundle)
        logins.take(bundle)
        yield from groups.take(bundle)
        nets.take(bundle)
        yield from _coverage(bundle)
        yield from bundle.problems
    yield from logins.facts()
    yield from nets.facts()


def _host(file: CapturedFile, scope: Scope) -> str:
    """The host of a file below `hosts/NAME/`, else ""."""
    return scope.host_of(file.path) if "hosts" in file.path.split("/")[:-2] else ""


def _homeless(bundle: Bundle) -> Iterator[Found]:
    """Files outside `hosts/NAME/`: keys in shared homes and address tables count, the rest has no subject."""
    yield from hosts_identity.shared_homes(bundle)
    yield from hosts_network.names(bundle)
    yield from bundle.problems
    for kind, files in bundle.forms.items():
        if kind not in ("authorized_keys", "public_keys", "known_hosts", "etc-hosts"):
            for file in files:
                yield Problem(file.path, 0, "which host it is from is not said", "move it below hosts/NAME/")


def _coverage(bundle: Bundle) -> Iterator[Fact]:
    failed = {problem.file for problem in bundle.problems}
    listed = {_stem(file) for file in bundle.forms.get("modes", ()) if file.path not in failed}
    for aspect, forms in ASPECTS.items():
        files = [file for form in forms for file in bundle.forms.get(form, ())]
        if aspect == "runtime-sockets":
            files = [file for file in files if _stem(file) == aspect]
        if not files:
            continue
        answered = any(file.path not in failed for file in files)
        whole = all(file.path not in failed for file in files) and _LISTINGS.get(aspect, "") in {"", *listed}
        reason = "" if answered else "not readable"
        yield stamped(asked(bundle.host, aspect, answered=answered, complete=whole, reason=reason), files[0])


def _stem(file: CapturedFile) -> str:
    return file.name.partition(".")[0]


COLLECTOR = Collector("hosts", recognise, collect, tuple(ASPECTS))
