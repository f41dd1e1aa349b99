"""Device nodes, kernel, runtimes, software, what root runs, and who is there → facts."""

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from ringfence.collect.base import CapturedFile, stamped
from ringfence.collect.hosts_bundle import Bundle
from ringfence.collect.hosts_identity import server_of
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import EVERYONE
from ringfence.wire.host import kernel as wire
from ringfence.wire.host import modes, runtime, sessions, toolkit, units, versions

_DEVICES = (
    ("/dev/nvidia-caps-imex-channels/", "imex"),
    ("/dev/nvidia-caps/", ""),
    ("/dev/nvidiactl", ""),
    ("/dev/nvidia-uvm", ""),
    ("/dev/nvidia-modeset", ""),
    ("/dev/nvidia-fs", ""),
    ("/dev/nvidia", "gpu"),
    ("/dev/kfd", "gpu"),
    ("/dev/infiniband/umad", "umad"),
    ("/dev/infiniband/issm", "umad"),
    ("/dev/infiniband/uverbs", "uverbs"),
)
_RUNTIME_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock", "cri-dockerd.sock")
_SYSCTL = (
    "kernel.yama.ptrace_scope",
    "kernel.unprivileged_userns_clone",
    "user.max_user_namespaces",
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.unprivileged_bpf_disabled",
    "kernel.modules_disabled",
    "kernel.kexec_load_disabled",
    "kernel.dmesg_restrict",
    "kernel.kptr_restrict",
    "kernel.randomize_va_space",
    "fs.protected_symlinks",
    "fs.protected_hardlinks",
    "net.ipv4.ip_forward",
)


def devices(bundle: Bundle) -> Iterator[Fact]:
    """Device nodes and runtime sockets that ordinary accounts may open."""
    for file, found in bundle.read("modes", modes.nodes):
        opened: dict[str, str] = {}
        for node in found:
            if node.type == "c":
                kind = next((kind for prefix, kind in _DEVICES if node.path.startswith(prefix)), "")
                if kind and node.mode & 0o006 == 0o006:
                    opened.setdefault(kind, node.path)
            elif node.type == "s" and PurePosixPath(node.path).name in _RUNTIME_SOCKETS:
                yield from _runtime(bundle, file, node)
            elif node.type == "s" and "/agent." in node.path and node.owner != "root":
                yield from _agent(bundle, file, node)
        for kind, path in opened.items():
            yield bundle.fact(file, bundle.host, "device_open", kind, path=ids.clean(path))


def _runtime(bundle: Bundle, file: CapturedFile, node: modes.Node) -> Iterator[Fact]:
    if "/user/" in node.path:
        return  # a rootless daemon: its own account's rights
    path = ids.clean(node.path)
    if node.mode & 0o002:
        yield bundle.fact(file, EVERYONE, "may_use_runtime", bundle.host, path=path)
    if node.mode & 0o020 and node.group != "root":
        for who, beside in bundle.holders(file, node.group):
            if beside is not None:
                yield beside
            yield bundle.fact(file, who, "may_use_runtime", bundle.host, path=path)


def _agent(bundle: Bundle, file: CapturedFile, node: modes.Node) -> Iterator[Fact]:
    found = server_of(bundle)
    if found is None or "no" not in found[1].get("allowagentforwarding").lower():
        yield bundle.fact(file, ids.identity(node.owner), "agent_forwarded", bundle.host, path=ids.clean(node.path))


def kernel(bundle: Bundle) -> Iterator[Fact]:
    """Kernel command line, IOMMU groups and chosen sysctl values as settings."""
    told = False
    for file, values in bundle.read("cmdline", wire.cmdline):
        say = partial(bundle.fact, file, bundle.host, "setting")
        mode = wire.iommu(values)
        if mode:
            told = True
            yield say(f"iommu={mode}")
        for name in ("mitigations", "lockdown", "module.sig_enforce", "init_on_free", "nosmt", "pci"):
            if name in values:
                yield say(f"kernel.{name}={ids.clean(values[name] or 'on')}")
    for file, groups in bundle.read("iommu-groups", wire.iommu_groups):
        yield bundle.fact(file, bundle.host, "setting", f"iommu_groups={groups}")
        if groups and not told:  # the kernel makes groups only for an IOMMU that works
            yield bundle.fact(file, bundle.host, "setting", "iommu=on")
    for file, values in bundle.read("sysctl", wire.sysctl):
        for name in _SYSCTL:
            if name in values:
                yield bundle.fact(file, bundle.host, "setting", f"{name}={ids.clean(values[name])}")


def runtimes(bundle: Bundle) -> Iterator[Fact]:
    """Modes of container runtimes."""
    for file, values in bundle.read("toolkit", runtime.toolkit):
        say = partial(bundle.fact, file, bundle.host, "setting")
        yield say(f"toolkit.mode={ids.clean(values.get('nvidia-container-runtime.mode', 'auto'))}")
        # an unset value is true (config.toml as the toolkit ships it)
        loose = values.get("accept-nvidia-visible-devices-envvar-when-unprivileged", "true")
        yield say(f"toolkit.envvar_when_unprivileged={ids.clean(loose)}")
    for file, table in bundle.read("docker", runtime.docker):
        say = partial(bundle.fact, file, bundle.host, "setting")
        yield say(f"docker.userns-remap={'on' if table.get('userns-remap') else 'off'}")
        yield say(f"docker.default-runtime={ids.clean(str(table.get('default-runtime', 'runc')))}")
        hosts = table.get("hosts", [])
        for place in hosts if isinstance(hosts, list) else []:
            if str(place).startswith("tcp://"):
                yield say(f"docker.listens={ids.clean(str(place))}", tls=bool(table.get("tlsverify")))
    for file, lines in bundle.read("apptainer", runtime.keyed):
        yield bundle.fact(
            file, bundle.host, "setting", f"apptainer.setuid={ids.clean(lines.get('allow setuid', 'yes'))}"
        )
    for file, lines in bundle.read("enroot", runtime.keyed):
        yield bundle.fact(
            file, bundle.host, "setting", f"enroot.root={ids.clean(lines.get('ENROOT_ALLOW_SUPERUSER', 'no'))}"
        )


def software(bundle: Bundle) -> Iterator[Fact]:
    """Operating system, kernel, runtimes and packages, and the toolkit flaws that their versions show."""
    by_cdi = toolkit.UNKNOWN
    for _, values in bundle.read("toolkit", runtime.toolkit):
        by_cdi = toolkit.cdi(values.get("nvidia-container-runtime.mode", "auto"))
    for file, values in bundle.read("os-release", versions.os_release):
        name = f"package:os/{ids.clean(values.get('ID', 'linux'))}"
        yield bundle.fact(file, bundle.host, "runs_software", name, version=ids.clean(values.get("VERSION_ID", "")))
    for file, lines in bundle.read("uname", _first_line):
        yield bundle.fact(file, bundle.host, "runs_software", "package:generic/linux", version=lines)
    for form, reader in (("banner", versions.banner), ("packages", versions.packages)):
        for file, found in bundle.read(form, reader):
            for package in found:
                yield from _package(bundle, file, package, by_cdi)


def _first_line(data: bytes) -> str:
    return ids.clean(data.decode("utf-8", "replace").strip().partition("\n")[0])


def _package(bundle: Bundle, file: CapturedFile, package: versions.Package, by_cdi: str) -> Iterator[Fact]:
    family = {"dpkg": "deb", "rpm": "rpm"}.get(package.source, "generic")
    version = ids.clean(package.version)
    yield bundle.fact(
        file, bundle.host, "runs_software", f"package:{family}/{ids.clean(package.name)}", version=version
    )
    if package.name not in ("nvidia-container-toolkit", "nvidia-container-toolkit-base"):
        return
    for flaw in toolkit.escapes(package.version, by_cdi):
        gives = {"gives": "container-escape", "version": version, "fixed": flaw.fixed}
        yield bundle.fact(file, bundle.host, "vulnerable_to", flaw.cve, **gives)


def programs(bundle: Bundle) -> Iterator[Fact]:
    """Programs that root starts by itself, with those who may change them."""
    nodes = {node.path: (file, node) for file, found in bundle.read("modes", modes.nodes) for node in found}
    started = [
        (file, program)
        for form, reader in (("unit", units.unit), ("cron", units.cron))
        for file, found in bundle.read(form, reader)
        for program in found
        if program.account == "root"
    ]
    for file, program in started:
        place = ids.storage(bundle.name, program.path)
        path = PurePosixPath(program.path)
        # whoever may write the folder may replace the file in it, unless the folder is sticky
        known = [nodes[str(step)] for step in (path, *path.parents) if str(step) in nodes]
        for listed, node in known:
            if node.type == "d" and node.mode & 0o1000:
                continue
            yield from _changed_by(bundle, listed, node, place)
        if known:
            yield bundle.fact(file, bundle.host, "root_runs_from", place, path=ids.clean(program.path), hook=program.by)


def _changed_by(bundle: Bundle, file: CapturedFile, node: modes.Node, place: str) -> Iterator[Fact]:
    if node.mode & 0o002:
        yield bundle.fact(file, place, "writable_by", EVERYONE)
    if node.mode & 0o020 and node.group != "root":
        for who, beside in bundle.holders(file, node.group):
            if beside is not None:
                yield beside
            yield bundle.fact(file, place, "writable_by", who)
    if node.mode & 0o200 and node.owner != "root":
        yield bundle.fact(file, place, "writable_by", ids.identity(node.owner))


def present(bundle: Bundle) -> Iterator[Fact]:
    """Accounts with a session or a process on the host; system accounts are left out where passwd tells."""
    seen: set[str] = set()
    logins = [*bundle.read("who", sessions.who), *bundle.read("loginctl", sessions.loginctl)]
    names = [(file, one.account, False) for file, found in logins for one in found]
    running = bundle.read("ps", sessions.processes)
    names += [(file, one.account, True) for file, found in running for one in found]
    for file, name, process in names:
        known = bundle.accounts.get(name)
        person = known.uid >= 1000 if known else not process
        if person and name not in ("root", "nobody") and name not in seen:
            seen.add(name)
            yield stamped(Fact(ids.identity(name), "session_on", bundle.host), file)
