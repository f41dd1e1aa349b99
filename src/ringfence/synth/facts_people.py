"""Facts about accounts: who works where, what unlocks them, and what they may become."""

from collections.abc import Iterator

from ringfence.estate.facts import Fact
from ringfence.synth import data, say
from ringfence.synth.plan import Cluster, User
from ringfence.synth.say import fact

EVERYBODY = "identity:accounts/people"
"""The hub of all accounts that exist on login and compute nodes."""
OPERATORS = "identity:group/ops"


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


def _logins(plan: Cluster) -> Iterator[Fact]:
    """Every account exists on login and compute nodes, operators' on servers too: two hubs say so."""
    for user in plan.users:
        if user.role != "service":
            yield fact(say.identity(user.name), "member_of", EVERYBODY, "hosts/login01/passwd")
    for host in plan.hosts:
        file = f"hosts/{host.name}/passwd"
        if host.role == "login" or (host.gpus and host.partition != "kube"):
            yield fact(EVERYBODY, "may_login", say.host(host.name), file)
        elif not host.gpus:
            yield fact(OPERATORS, "may_login", say.host(host.name), file)
        if host.partition != "kube":
            shown: dict[str, str | int | float | bool] = {"nopasswd": False, "command": "ALL"}
            yield fact(OPERATORS, "may_sudo", say.host(host.name), f"hosts/{host.name}/sudoers", shown)
        if host.gpus and host.partition != "kube":
            adopt = "off" if plan.flawed("pam_adopt_missing") else "on"
            yield fact(say.host(host.name), "setting", f"pam_slurm_adopt={adopt}", f"hosts/{host.name}/pam.d/sshd")
    for user in plan.users:
        if user.role == "operator":
            identity = say.identity(user.name)
            yield fact(identity, "member_of", OPERATORS, "hosts/login01/group")
            yield fact(identity, "operates", say.cluster(plan), "slurm/users.json", {"level": "administrator"})


def _key(plan: Cluster, user: User, identity: str) -> Iterator[Fact]:
    key, workstation = say.ssh_key(plan, user), f"workstation:{user.workstation}"
    yield fact(identity, "logs_in_from", workstation, "inventory.toml")
    yield fact(workstation, "attached_to", say.network("corp"), "inventory.toml")
    readable = "user" if plan.flawed("key_without_passphrase", user.name) else "none"
    yield fact(
        workstation,
        "stores_credential",
        key,
        "inventory.toml",
        {"readable_by": readable, "path": "~/.ssh/id_ed25519", "mode": "0600"},
    )
    yield fact(key, "unlocks", identity, "authorized_keys")


def _member(plan: Cluster, user: User, identity: str) -> Iterator[Fact]:
    login = data.login_of(plan, user).name
    host = say.host(login)
    yield fact(identity, "session_on", host, f"hosts/{login}/who")
    if plan.flawed("agent_forwarded", user.name):
        yield fact(identity, "agent_forwarded", host, f"hosts/{login}/agents")
    if plan.flawed("sudo_nopasswd", user.name):
        shown: dict[str, str | int | float | bool] = {"nopasswd": True, "command": "ALL"}
        yield fact(identity, "may_sudo", host, f"hosts/{login}/sudoers", shown)
    if plan.flawed("runtime_group", user.name):
        yield fact(identity, "may_use_runtime", host, f"hosts/{login}/group")


def scheduler(plan: Cluster) -> Iterator[Fact]:
    """Partitions, who may use them, the shared key, hooks."""
    slurm, source = say.cluster(plan), "slurm/associations.json"
    for name in dict.fromkeys(host.partition for host in plan.hosts if host.partition):
        if name != "kube":
            yield fact(say.partition(plan, name), "in_cluster", slurm, "slurm/partitions.json")
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
    yield fact(slurm, "setting", "AuthType=auth/munge", "slurm/slurm.conf")
    yield fact("identity:slurm", "operates", slurm, "slurm/slurm.conf", {"level": "slurm-user"})
    for hook, path in data.hooks(plan):
        yield fact(slurm, "setting", f"hook={path}", "slurm/slurm.conf", {"hook": hook})
        if plan.flawed("hook_on_writable_path"):
            told: dict[str, str | int | float | bool] = {"path": path, "hook": hook}
            yield fact(slurm, "root_runs_from", say.storage(data.HOOKS), "slurm/slurm.conf", told)
    for host in plan.of_role("scheduler"):
        yield fact(f"service:{host.name}/slurmctld:6817", "in_cluster", slurm, "slurm/slurm.conf")
    for user in plan.users:
        if user.tenant:
            yield fact(say.identity(user.name), "in_cluster", slurm, "slurm/associations.json")


def _trust(plan: Cluster, slurm: str) -> Iterator[Fact]:
    munge = say.munge_key(plan)
    yield fact(munge, "scheduler_key", slurm, "hosts/sched01/munge-key", {"kind": "munge"})
    readable = "user" if plan.flawed("munge_key_readable") else "root"
    for host in plan.hosts:
        if host.partition != "kube" and (host.gpus or host.role in ("login", "scheduler", "database")):
            kept: dict[str, str | int | float | bool] = {"path": "/etc/munge/munge.key", "owner": "munge"}
            # one class has the wrong mode: its image was built apart from the others
            wrong = readable == "user" and host.role == "login"
            kept |= {"readable_by": "user", "mode": "0644"} if wrong else {"readable_by": "root", "mode": "0400"}
            yield fact(say.host(host.name), "stores_credential", munge, f"hosts/{host.name}/munge-key", kept)
    if plan.flawed("hostbased_trust"):
        for login in plan.of_role("login"):
            yield fact(slurm, "trusts_host", say.host(login.name), "hosts/gpu0001/shosts.equiv")
    for group in plan.tenants:
        if plan.flawed("coordinator_spare", group.name):
            first = next(user for user in plan.users if user.tenant == group.name)
            yield fact(say.identity(first.name), "coordinates", f"tenant:{group.name}", "slurm/accounts.json")
