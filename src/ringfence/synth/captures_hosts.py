"""Captures of hosts: accounts, SSH, PAM, sudo, sockets, addresses, devices, sessions, runtimes.

What no tool on a host can say (workstations, racks, zones, routes through firewalls) stands in an
inventory of facts, as a site would export it from its own records.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ringfence.estate.facts import Fact
from ringfence.synth import data, facts_data, facts_fabric, facts_hosts, facts_people, facts_work, say
from ringfence.synth.captures_slurm import File
from ringfence.synth.plan import Cluster, Host, User, address, desk

_RECORDED = {
    facts_hosts.inventory: ("in_zone", "in_rack", "in_tenant", "labelled", "controls"),
    facts_hosts.networks: ("routes_to", "reaches_outside", "in_zone", "listens_on"),
    facts_hosts.guarded: ("watched_by", "enforced_by", "signs_orders", "jewel", "stores_credential"),
    facts_hosts.controllers: ("authenticates",),
    facts_hosts.services: ("authenticates",),
    facts_work.images: ("pulled_from",),
    facts_people.people: ("in_tenant", "logs_in_from", "member_of", "attached_to", "stores_credential"),
    facts_data.folders: ("in_tenant", "pulled_from"),
    facts_fabric.fabric: ("sm_on", "in_tenant"),
    facts_work.serving: ("in_tenant", "reads", "uses_gpu"),
}
"""What a site's own records hold that no captured tool says, by the writer of the facts."""


def hosts(plan: Cluster, chosen: frozenset[str]) -> Iterator[File]:
    """Everything that the `chosen` hosts say, and the keys in the homes."""
    every = [user for user in plan.users if user.role != "operator"]
    operators = [user for user in plan.users if user.role == "operator"]
    people, staff = passwd(plan, plan.users).encode(), passwd(plan, operators).encode()
    groups = group(plan).encode()
    extras = data.tenants_services(plan)
    yield "salt", say.salt(plan).hex().encode() + b"\n"
    for host in plan.hosts:
        if host.name not in chosen:
            continue
        open_to_all = data.open_to_people(host)
        top = f"hosts/{host.name}"
        yield f"{top}/passwd", people if open_to_all else staff
        yield f"{top}/group", groups
        yield f"{top}/sshd_config", sshd(plan, host).encode()
        yield f"{top}/pam.d/sshd", pam(plan, host).encode()
        yield f"{top}/sudoers", sudoers(plan, host, every).encode()
        yield f"{top}/ip-addr", addresses(plan, host)
        if data.ipoib_of(plan, host):
            yield f"{top}/ipoib.json", ipoib(plan, host)
        yield f"{top}/sockets", sockets(plan, host, extras).encode()
        if host.gpus:
            yield f"{top}/devices", devices(plan, host).encode()
            yield f"{top}/versions/nvidia-ctk", toolkit(plan, host).encode()
        yield from started(plan, host, extras)
        if data.holds_munge(host):
            mode = "0644" if host.role == "login" and plan.flawed("munge_key_readable") else "0400"
            row = f"{mode} munge sha256:{say.munge_digest(plan)} /etc/munge/munge.key\n"
            yield f"{top}/munge-key", row.encode()
        if host.role == "login":
            yield f"{top}/who", sessions(plan, host).encode()
            yield from home_keys(plan, top)
            yield f"{top}/runtime-sockets", b"s 660 root docker /run/docker.sock\n"
            agents = "".join(
                f"s 600 {user.name} {user.tenant} /tmp/ssh-{user.uid}/agent.{user.uid}\n"
                for user in plan.users
                if user.tenant and plan.flawed("agent_forwarded", user.name) and data.login_of(plan, user) == host
            )
            if agents:
                yield f"{top}/agents", agents.encode()
        if data.trusted(plan, host):
            yield f"{top}/shosts.equiv", "".join(f"{login.name}\n" for login in data.trusted(plan, host)).encode()
    for user in plan.users:
        if user.role != "service":
            home = user.tenant or "ops"
            yield f"homes/{home}/home/{user.name}/.ssh/authorized_keys", f"{public_key(plan, user)}\n".encode()
    yield "inventory.ndjson", b"\n".join(inventory(plan)) + b"\n"


def public_key(plan: Cluster, user: User) -> str:
    """A line of authorized_keys."""
    return f"ssh-ed25519 {base64.b64encode(say.public_blob(plan, user)).decode()} {user.name}@{user.workstation}"


def passwd(plan: Cluster, people: Iterable[User]) -> str:
    """`getent passwd`."""
    gids = {group.name: group.gid for group in plan.tenants}
    homes = {export.name: export.mountpoint for export in plan.storages}
    lines = ["root:x:0:0:root:/root:/bin/bash", "munge:x:117:120::/nonexistent:/usr/sbin/nologin"]
    for user in people:
        top = homes[data.home(plan, user)] if user.tenant else "/home/ops"
        shell = "/usr/sbin/nologin" if user.role == "service" else "/bin/bash"
        lines.append(f"{user.name}:x:{user.uid}:{gids.get(user.tenant, 4000)}::{top}/{user.name}:{shell}")
    return "\n".join(lines) + "\n"


def group(plan: Cluster) -> str:
    """`getent group`."""
    lines = ["root:x:0:", "ops:x:4000:" + ",".join(user.name for user in plan.users if user.role == "operator")]
    lines.append("docker:x:999:" + ",".join(user.name for user in data.runtime_users(plan)))
    for tenant in plan.tenants:
        members = ",".join(user.name for user in plan.users if user.tenant == tenant.name)
        lines.append(f"{tenant.name}:x:{tenant.gid}:{members}")
    return "\n".join(lines) + "\n"


def sshd(plan: Cluster, host: Host) -> str:
    """sshd_config."""
    trusting = "yes" if data.trusted(plan, host) else "no"
    lines = [
        "PermitRootLogin no",
        "PasswordAuthentication no",
        "PubkeyAuthentication yes",
        f"HostbasedAuthentication {trusting}",
        f"AllowAgentForwarding {'yes' if host.role == 'login' else 'no'}",
        "UsePAM yes",
    ]
    if not data.open_to_people(host):
        lines.append("AllowGroups ops")
    return "\n".join(lines) + "\n"


def pam(plan: Cluster, host: Host) -> str:
    """/etc/pam.d/sshd."""
    lines = ["auth required pam_unix.so", "account required pam_nologin.so", "account required pam_unix.so"]
    if data.schedules(host) and not plan.flawed("pam_adopt_missing"):
        lines.append("account required pam_slurm_adopt.so action_no_jobs=deny")
    return "\n".join([*lines, "session required pam_unix.so"]) + "\n"


def sudoers(plan: Cluster, host: Host, people: Iterable[User]) -> str:
    """/etc/sudoers: operators with a password, and whom the draw gave more on login nodes."""
    lines = ["Defaults env_reset", "root ALL=(ALL:ALL) ALL", "%ops ALL=(ALL:ALL) ALL"]
    if host.role == "login":
        lines += [
            f"{user.name} {data.login_of(plan, user).name}=(ALL) NOPASSWD: ALL"
            for user in people
            if plan.flawed("sudo_nopasswd", user.name)
        ]
    return "\n".join(lines) + "\n"


def addresses(plan: Cluster, host: Host) -> bytes:
    """`ip -j addr`."""
    prefixes = {network.name: int(network.cidr.rpartition("/")[2]) for network in plan.networks}
    links: list[dict[str, Any]] = [
        {"ifindex": 1, "ifname": "lo", "link_type": "loopback", "addr_info": [_inet("127.0.0.1", 8, "host")]}
    ]
    infiniband = {each.network for each in data.ipoib_of(plan, host)}
    for at, name in enumerate(data.networks_of(plan, host), 2):
        found = [_inet(address(host, name), prefixes[name], "global")]
        device, kind = (f"ib{at - 2}", "infiniband") if name in infiniband else (f"eth{at - 2}", "ether")
        links.append({"ifindex": at, "ifname": device, "link_type": kind, "operstate": "UP", "addr_info": found})
    return msgspec.json.encode(links)


def ipoib(plan: Cluster, host: Host) -> bytes:
    """`ip -d -j addr show type ipoib`."""
    prefixes = {network.name: int(network.cidr.rpartition("/")[2]) for network in plan.networks}
    return msgspec.json.encode(
        [
            {
                "ifindex": 20 + at,
                "ifname": f"ib0.{each.pkey | each.full << 15:04x}",
                "link_type": "infiniband",
                "linkinfo": {
                    "info_kind": "ipoib",
                    "info_data": {"pkey": f"0x{each.pkey | each.full << 15:04x}", "mode": "datagram"},
                },
                "addr_info": [_inet(address(host, each.network), prefixes[each.network], "global")],
            }
            for at, each in enumerate(data.ipoib_of(plan, host))
        ]
    )


def _inet(local: str, prefix: int, scope: str) -> dict[str, Any]:
    return {"family": "inet", "local": local, "prefixlen": prefix, "scope": scope}


_PROGRAMS = {
    "ssh": "sshd",
    "nfs": "",
    "slurmctld": "slurmctld",
    "slurmdbd": "slurmdbd",
    "slurmrestd": "slurmrestd",
    "registry": "registry",
    "ringfence": "ringfence",
    "kube-api": "kube-apiserver",
    "ray": "ray",
    "jupyter": "jupyter-lab",
    "mlflow": "mlflow",
}


def sockets(plan: Cluster, host: Host, extras: data.Extras) -> str:
    """`ss -H -tulpn`."""
    lines = []
    every = data.networks_of(plan, host)
    for kind, port, _ in data.listening(plan, host, extras):
        program = _PROGRAMS[kind]
        users = f' users:(("{program}",pid={1000 + port},fd=3))' if program else ""
        reach = data.reach_of(plan, host, kind)
        places = ["0.0.0.0"] if reach == every else [address(host, name) for name in reach]  # noqa: S104 - only text
        lines += [f"tcp   LISTEN 0      128    {place}:{port}    0.0.0.0:*   {users}" for place in places]
    return "\n".join(lines) + "\n"


def devices(plan: Cluster, host: Host) -> str:
    r"""`find /dev/nvidia* /dev/infiniband -printf '%y %m %u %g %p\n'`."""
    lines = [f"c 666 root root /dev/nvidia{index}" for index in range(host.gpus)]
    lines += ["c 666 root root /dev/nvidiactl", "c 666 root root /dev/nvidia-uvm"]
    umad = "666" if plan.flawed("umad_open", host.rack) else "600"
    for port in range(host.ports):
        lines += [f"c 666 root root /dev/infiniband/uverbs{port}", f"c {umad} root root /dev/infiniband/umad{port}"]
    if plan.flawed("runtime_open", host.rack):
        lines.append("s 666 root root /run/docker.sock")
    return "\n".join(lines) + "\n"


def toolkit(plan: Cluster, host: Host) -> str:
    """`nvidia-ctk --version`."""
    return f"NVIDIA Container Toolkit CLI version {data.toolkit_version(plan, host)}\n"


def home_keys(plan: Cluster, top: str) -> Iterator[File]:
    """Private keys that lie readable in homes: salted hashes, and the public halves beside them."""
    rows = []
    for user in plan.users:
        if user.tenant and plan.flawed("home_key_readable", user.name):
            path = f"{data.home_folder(plan, user)}/.ssh/id_ed25519"
            secret = hashlib.sha256(say.salt(plan).hex().encode() + say.public_blob(plan, user)[::-1]).hexdigest()
            rows.append(f"0644 {user.name} sha256:{secret} {path}\n")
            yield f"{top}/keys{path}.pub", f"{public_key(plan, user)}\n".encode()
    if rows:
        yield f"{top}/private-keys", "".join(rows).encode()


def sessions(plan: Cluster, host: Host) -> str:
    """`who`."""
    return "".join(
        f"{user.name} pts/{at} 2026-01-04 23:00 ({desk(user)})\n"
        for at, user in enumerate(plan.users)
        if user.role in ("researcher", "engineer") and data.login_of(plan, user).name == host.name
    )


def started(plan: Cluster, host: Host, extras: data.Extras) -> Iterator[File]:
    """What tells as whom, and how open, tenants' services run."""
    top = f"hosts/{host.name}"
    if host.role == "tracking":
        app = "" if data.opened(plan, host, "mlflow") else " --app-name basic-auth"
        command = f"/usr/bin/mlflow server --host {address(host, 'ipoib')} --port 5000{app}"
        yield f"{top}/mlflow.service", f"[Unit]\nDescription=mlflow\n[Service]\nExecStart={command}\n".encode()
    found = extras.get(host.name, ())
    if not found:
        return
    account = next(user.name for user in plan.users if user.tenant == host.tenant)
    yield f"{top}/ps", "".join(f"{1000 + port:7d} {account} {_PROGRAMS[kind]}\n" for kind, port, _ in found).encode()
    for kind, _, _ in found:
        if kind == "jupyter":
            yield (
                f"{top}/jupyter_server_config.json",
                b'{"ServerApp": {"ip": "0.0.0.0", "token": "", "password": ""}}\n',
            )


def inventory(plan: Cluster) -> Iterator[bytes]:
    """One fact a line."""
    for write, predicates in _RECORDED.items():
        for fact in write(plan):
            if fact.predicate in predicates and _on_record(fact):
                yield _line(fact)


def _on_record(fact: Fact) -> bool:
    """Not what the hosts' own captures say: keys on hosts, hubs of accounts, the controllers' own word."""
    if fact.predicate == "stores_credential":
        return fact.subject.startswith("workstation:") or fact.object.startswith("credential:ringfence/")
    if fact.predicate == "member_of":
        return not fact.object.startswith("identity:accounts/")
    return fact.predicate != "authenticates" or fact.object == "default-password" or "/registry:" in fact.subject


def _line(fact: Fact) -> bytes:
    shown: dict[str, Any] = {"subject": fact.subject, "predicate": fact.predicate, "object": fact.object}
    return msgspec.json.encode(shown | ({"attributes": fact.attributes} if fact.attributes else {}))
