"""Facts about accounts: who works where, what unlocks them, and what they may become."""

import hashlib
from collections.abc import Generator, Iterator, Sequence

from ringfence.estate.facts import Fact, Scalar
from ringfence.synth import data, say
from ringfence.synth.plan import Cluster, Host, User, desk
from ringfence.synth.say import fact


def people(plan: Cluster) -> Iterator[Fact]:
    """Every account with its workstation, key, home and groups."""
    homes = {group.name: group.home for group in plan.tenants}
    for user in plan.users:
        identity = say.identity(user.name)
        if user.tenant:
            yield fact(identity, "in_tenant", f"tenant:{user.tenant}", "slurm/associations.json")
            yield fact(identity, "member_of", f"identity:group/{user.tenant}", "hosts/login01/group")
            source = f"hosts/{homes[user.tenant].partition(':')[0]}/folders"
            yield fact(say.storage(homes[user.tenant]), "stores_home", identity, source)
        if user.role == "service":
            continue
        yield from _key(plan, user, identity)
        if user.role != "operator":
            yield from _member(plan, user, identity)
    yield from _logins(plan)
    first = {user.tenant: user for user in reversed(plan.users)}
    tenants = {host.name: host.tenant for host in plan.hosts}
    for name in data.tenants_services(plan):  # whoever started a service has processes there
        yield fact(say.identity(first[tenants[name]].name), "session_on", say.host(name), f"hosts/{name}/ps")


def _logins(plan: Cluster) -> Iterator[Fact]:
    """Every account exists on login and compute nodes, operators' on servers too: one hub for each set of hosts."""
    operators = [user for user in plan.users if user.role == "operator"]
    rooms = [host for host in plan.hosts if data.open_to_people(host)]
    for found, hosts in (
        ([user for user in plan.users if user.role not in ("operator", "service")], rooms),
        (operators, plan.hosts),
    ):
        hub = _hub(hosts)
        for user in found:
            yield fact(say.identity(user.name), "member_of", hub, f"hosts/{hosts[0].name}/passwd")
        for host in hosts:
            yield fact(hub, "may_login", say.host(host.name), f"hosts/{host.name}/passwd")
    for user in operators:
        yield fact(
            say.identity(user.name), "operates", say.cluster(plan), "slurm/users.json", {"level": "administrator"}
        )
    sudoers = yield from _holders("ops", operators)
    runtime = yield from _holders("docker", data.runtime_users(plan))
    for host in plan.hosts:
        for who in runtime if host.role == "login" else ():
            file = f"hosts/{host.name}/runtime-sockets"
            yield fact(who, "may_use_runtime", say.host(host.name), file, {"path": "/run/docker.sock"})
        for who in sudoers:
            shown: dict[str, Scalar] = {"nopasswd": False, "command": "ALL"}
            yield fact(who, "may_sudo", say.host(host.name), f"hosts/{host.name}/sudoers", shown)
        adopts = data.schedules(host) and not plan.flawed("pam_adopt_missing")
        setting = f"pam_slurm_adopt={'on' if adopts else 'off'}"
        yield fact(say.host(host.name), "setting", setting, f"hosts/{host.name}/pam.d/sshd")


SMALL_GROUP = 8
"""Up to so many members of a group are named one by one, as the collector does."""


def _holders(group: str, users: Sequence[User]) -> Generator[Fact, None, list[str]]:
    """Says who is in a group; returns the identities of its members, or the group's where they are many."""
    hub = f"identity:group/{group}"
    for user in users:
        yield fact(say.identity(user.name), "member_of", hub, "hosts/login01/group")
    return [hub] if len(users) > SMALL_GROUP else [say.identity(user.name) for user in users]


def _hub(hosts: Sequence[Host]) -> str:
    """The identity that stands for all accounts of a set of hosts, named as the collector names it."""
    text = "\n".join(sorted(say.host(host.name) for host in hosts))
    return f"identity:accounts/{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _key(plan: Cluster, user: User, identity: str) -> Iterator[Fact]:
    key, workstation = say.ssh_key(plan, user), f"workstation:{user.workstation}"
    yield fact(identity, "logs_in_from", workstation, "inventory.ndjson")
    yield fact(workstation, "attached_to", say.network("corp"), "inventory.ndjson", {"address": desk(user)})
    readable = "user" if plan.flawed("key_without_passphrase", user.name) else "none"
    yield fact(
        workstation,
        "stores_credential",
        key,
        "inventory.ndjson",
        {"readable_by": readable, "path": "~/.ssh/id_ed25519", "mode": "0600"},
    )
    yield fact(key, "unlocks", identity, "authorized_keys")
    if user.tenant and plan.flawed("home_key_readable", user.name):
        path = f"{data.home_folder(plan, user)}/.ssh/id_ed25519"
        for login in plan.of_role("login"):
            file = f"hosts/{login.name}/private-keys"
            shown: dict[str, Scalar] = {"readable_by": "user", "path": path, "mode": "0644"}
            yield fact(say.host(login.name), "stores_credential", key, file, shown)
            yield fact(identity, "keeps_credential", key, file)


def _member(plan: Cluster, user: User, identity: str) -> Iterator[Fact]:
    login = data.login_of(plan, user).name
    host = say.host(login)
    yield fact(identity, "session_on", host, f"hosts/{login}/who")
    if plan.flawed("agent_forwarded", user.name):
        yield fact(identity, "agent_forwarded", host, f"hosts/{login}/agents")
    if plan.flawed("sudo_nopasswd", user.name):
        shown: dict[str, Scalar] = {"nopasswd": True, "command": "ALL"}
        yield fact(identity, "may_sudo", host, f"hosts/{login}/sudoers", shown)


def scheduler(plan: Cluster) -> Iterator[Fact]:
    """Partitions, who may use them, the shared key, hooks."""
    slurm, source = say.cluster(plan), "slurm/associations.json"
    for name in dict.fromkeys(host.partition for host in plan.hosts if host.partition):
        if name != "kube":
            partition, told = say.partition(plan, name), "slurm/partitions.json"
            yield fact(partition, "in_cluster", slurm, told)
            yield fact(partition, "setting", f"OverSubscribe={'YES' if name == 'shared' else 'NO'}", told)
            yield fact(partition, "setting", "nodes=shared", told)
            yield fact(partition, "asked", "oversubscribe", told, {"answered": True})
    shared = [group.name for group in plan.tenants if plan.flawed("shared_partition", group.name)]
    rooms = {host.partition for host in plan.hosts}
    for group in plan.tenants:
        tenant = f"tenant:{group.name}"
        for name in (group.name, f"{group.name}-nvl", *(["shared"] if group.name in shared else [])):
            if name in rooms:
                yield fact(tenant, "may_submit", say.partition(plan, name), source)
    yield from _control(plan, slurm)
    yield from _trust(plan, slurm)


def _control(plan: Cluster, slurm: str) -> Iterator[Fact]:
    """What slurm.conf and cgroup.conf say."""
    free = plan.flawed("constrain_devices_off")
    yield fact(slurm, "setting", f"ConstrainDevices={'no' if free else 'yes'}", "slurm/cgroup.conf")
    if free:
        yield fact(slurm, "setting", "devices=unconstrained", "slurm/cgroup.conf", {"by": "ConstrainDevices"})
    for setting in ("AuthType=auth/munge", "SrunPortRange=60001-63000", "TreeWidth=65533"):
        yield fact(slurm, "setting", setting, "slurm/slurm.conf")
    yield fact("identity:slurm", "operates", slurm, "slurm/slurm.conf", {"level": "slurm-user"})
    for hook, path in data.hooks(plan):
        yield fact(slurm, "setting", f"hook={path}", "slurm/slurm.conf", {"hook": hook})
        if plan.flawed("hook_on_writable_path"):
            told: dict[str, Scalar] = {"path": path, "hook": hook}
            yield fact(slurm, "root_runs_from", say.storage(data.HOOKS), "slurm/slurm.conf", told)
    for user in plan.users:
        if user.tenant:
            yield fact(say.identity(user.name), "in_cluster", slurm, "slurm/associations.json")


def _trust(plan: Cluster, slurm: str) -> Iterator[Fact]:
    munge = say.munge_key(plan)
    yield fact(munge, "scheduler_key", slurm, "hosts/sched01/munge-key", {"kind": "munge"})
    readable = "user" if plan.flawed("munge_key_readable") else "root"
    for host in plan.hosts:
        if data.holds_munge(host):
            kept: dict[str, Scalar] = {"path": "/etc/munge/munge.key", "owner": "munge"}
            # one class has the wrong mode: its image was built apart from the others
            wrong = readable == "user" and host.role == "login"
            kept |= {"readable_by": "user", "mode": "0644"} if wrong else {"readable_by": "root", "mode": "0400"}
            yield fact(say.host(host.name), "stores_credential", munge, f"hosts/{host.name}/munge-key", kept)
    for host in plan.hosts:
        for login in data.trusted(plan, host):
            source = f"hosts/{host.name}/shosts.equiv"
            yield fact(say.host(host.name), "trusts_host", say.host(login.name), source)
        if data.trusted(plan, host):
            yield fact(say.host(host.name), "setting", "ssh_hostbased=on", f"hosts/{host.name}/sshd_config")
    for group in plan.tenants:
        if plan.flawed("coordinator_spare", group.name):
            first = next(user for user in plan.users if user.tenant == group.name)
            yield fact(say.identity(first.name), "coordinates", f"tenant:{group.name}", "slurm/accounts.json")
