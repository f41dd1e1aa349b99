"""Accounts, keys, sshd, PAM, sudo and trust of one host → facts."""

import hashlib
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from pathlib import PurePosixPath

from ringfence.collect.base import CapturedFile, stamped
from ringfence.collect.hosts_bundle import Bundle
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import EVERYONE
from ringfence.wire.host import equiv, hashed, pam, sshd, sshkeys, sudoers

_FORCED = ("command",)


# keys


def keys(bundle: Bundle) -> Iterator[Fact]:
    """authorized_keys, the private keys beside their public halves, and agents left open by ssh_config."""
    for file, found in bundle.read("authorized_keys", sshkeys.authorized_keys):
        account = account_of(bundle, file)
        for key in found:
            yield from _accepted(bundle, file, account, key)
    yield from _kept(bundle)
    for file, known in bundle.read("known_hosts", sshkeys.known_hosts):
        # names of other hosts are worth knowing to an attacker, but open nothing
        yield bundle.fact(file, bundle.host, "labelled", f"known_hosts={len(known)}")
    for file, blocks in bundle.read("ssh", sshd.client):
        for block in blocks:
            if block.values.get("forwardagent", "").lower() == "yes":
                yield bundle.fact(file, bundle.host, "setting", "ssh.forwardagent=yes", hosts=block.pattern[:200])


def shared_homes(bundle: Bundle) -> Iterator[Fact]:
    """Keys in homes that were captured from the file server: they open the account wherever it exists."""
    for file, found in bundle.read("authorized_keys", sshkeys.authorized_keys):
        account = account_of(bundle, file)
        for key in found:
            if account and account != "root" and not _forced(key):
                credential = _credential(bundle, key.blob)
                yield bundle.fact(file, credential, "unlocks", ids.identity(account), fingerprint=_mark(key.blob))


def _accepted(bundle: Bundle, file: CapturedFile, account: str, key: sshkeys.PublicKey) -> Iterator[Fact]:
    credential = _credential(bundle, key.blob)
    if not account:
        bundle.problems.append(
            Problem(file.path, 0, "whose keys these are is not said", "keep the path below hosts/NAME/")
        )
        return
    limits = {"from_": key.option("from")} if key.option("from") else {}
    authority = key.option("cert-authority") is not None
    yield bundle.fact(
        file,
        bundle.host,
        "accepts_key",
        credential,
        account=account,
        forced=_forced(key),
        **({"authority": True} if authority else {}),
        **{name.rstrip("_"): (value or "")[:200] for name, value in limits.items()},
    )
    if account != "root" and not _forced(key):
        yield bundle.fact(file, credential, "unlocks", ids.identity(account), fingerprint=_mark(key.blob))


def _forced(key: sshkeys.PublicKey) -> bool:
    """Whether the key runs one fixed command instead of giving a shell."""
    return any(key.option(name) is not None for name in _FORCED)


def _credential(bundle: Bundle, blob: bytes) -> str:
    return ids.credential("ssh", blob, bundle.scope.salt)


def _mark(blob: bytes) -> str:
    """The fingerprint of a public key as OpenSSH writes it (ssh-keygen(1), `-l`): what a revocation names."""
    return "SHA256:" + b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def account_of(bundle: Bundle, file: CapturedFile) -> str:
    """Whose authorized_keys it is, by the path: `…/home/alice/.ssh/…`, `authorized_keys.alice`, `…keys/alice`."""
    original = PurePosixPath(bundle.original(file))
    if ".ssh" in original.parts:
        home = original.parts[: original.parts.index(".ssh")]
        path = "/" + "/".join(home[1:])
        known = next((account.name for account in bundle.accounts.values() if account.home == path), "")
        return ids.clean(known or (home[-1] if len(home) > 1 else ""))
    stem, _, suffix = original.name.partition(".")
    if stem in ("authorized_keys", "authorized_keys2"):
        parent = original.parent.name
        return ids.clean(suffix or (parent if parent not in ("ssh", "etc", "authorized_keys") else ""))
    return ids.clean(original.name.removesuffix(".keys"))


def _kept(bundle: Bundle) -> Iterator[Fact]:
    """Private keys. With the `.pub` file beside it a key is known by what it opens, else by its hash alone."""
    public: dict[str, bytes] = {}
    for file, found in bundle.read("public_keys", sshkeys.authorized_keys):
        if len(found) == 1:
            public[bundle.original(file).removesuffix(".pub")] = found[0].blob
    for file, secrets in bundle.read("secrets", hashed.secrets):
        for secret in secrets:
            if "/.ssh/" not in secret.path and "ssh" not in PurePosixPath(secret.path).parts:
                continue  # other families read their own secrets
            if PurePosixPath(secret.path).name.startswith("ssh_host_"):
                continue
            blob = public.get(secret.path)
            credential = _credential(bundle, blob) if blob else f"credential:file/{secret.digest[:32]}"
            yield bundle.fact(
                file,
                bundle.host,
                "stores_credential",
                credential,
                readable_by="user" if secret.shared else "root",
                path=ids.clean(secret.path),
                mode=f"{secret.mode:04o}",
            )
            if secret.owner != "root":
                yield bundle.fact(file, ids.identity(secret.owner), "keeps_credential", credential)


# sshd and PAM


def server_of(bundle: Bundle) -> tuple[CapturedFile, sshd.Sshd] | None:
    """The host's SSH server: `sshd -T` where captured, else sshd_config with its drop-ins."""
    files = bundle.forms.get("sshd", [])
    effective = [
        file for file in files if file.name.lower().removesuffix(".txt") in ("sshd-t", "sshd_t", "sshd-effective")
    ]
    dropped = {bundle.original(file): file.data for file in files if "sshd_config.d" in file.path}
    whole = [file for file in files if "sshd_config.d" not in file.path and file not in effective]
    for file in (*effective, *whole):
        try:
            return file, sshd.config(file.data, dropped)
        except InputError as error:
            if all(problem.file != file.path for problem in bundle.problems):
                bundle.problems.append(Problem.of(file.path, error))
    return None


def ssh_server(bundle: Bundle) -> Iterator[Fact]:
    """What sshd and PAM let through, as settings that moves ask for."""
    found = server_of(bundle)
    if found:
        file, server = found
        say = partial(bundle.fact, file, bundle.host, "setting")
        for keyword in ("permitrootlogin", "passwordauthentication", "hostbasedauthentication", "allowagentforwarding"):
            yield say(f"sshd.{keyword}={server.get(keyword).lower()[:60]}")
        roots = {value.lower() for value in server.every("permitrootlogin")}
        if roots & {"yes", "prohibit-password", "without-password"} and _listed(server, "root"):
            yield say("ssh_root=key")
        if "yes" in {value.lower() for value in server.every("hostbasedauthentication")}:
            yield say("ssh_hostbased=on")
        if "no" not in server.get("allowagentforwarding").lower():
            yield say("ssh_agents=on")
        if not any(server.get(name) for name in ("allowusers", "allowgroups")):
            yield say("ssh_login=any")
        for pattern in server.missing:
            if bundle.host and not pattern.endswith("sshd_config.d/*.conf"):
                bundle.problems.append(Problem(file.path, 0, f"includes {ids.clean(pattern)}, which was not captured"))
    adopted = adopts(bundle)
    if adopted is not None:
        yield bundle.fact(adopted[0], bundle.host, "setting", f"pam_slurm_adopt={'on' if adopted[1] else 'off'}")


def adopts(bundle: Bundle) -> tuple[CapturedFile, bool] | None:
    """Whether sshd's PAM stack lets accounts in only where they have a job; None if it was not captured."""
    stacks = bundle.read("pam", pam.rules)
    named = [(file, rules) for file, rules in stacks if file.name.startswith("sshd")]
    if not named:
        return None
    included = {rule.module for _, rules in named for rule in rules if rule.control in ("include", "substack")}
    every = [*named, *((file, rules) for file, rules in stacks if file.name in included)]
    closed = any(pam.uses(rules, module) for _, rules in every for module in ("pam_slurm_adopt.so", "pam_slurm.so"))
    return named[0][0], closed


def _listed(server: sshd.Sshd, account: str, groups: tuple[str, ...] = ()) -> bool:
    """Whether AllowUsers, AllowGroups and their opposites let an account in (the part after `@` is not judged)."""
    if _named(account, server.get("denyusers")) or any(_named(group, server.get("denygroups")) for group in groups):
        return False
    if server.get("allowusers") and not _named(account, server.get("allowusers")):
        return False
    allowed = server.get("allowgroups")
    return not allowed or any(_named(group, allowed) for group in groups)


def _named(name: str, patterns: str) -> bool:
    return any(fnmatchcase(name, pattern.partition("@")[0]) for pattern in patterns.split())


class Logins:
    """Who may log in where, over all hosts.

    Accounts that exist on exactly the same hosts share one hub identity, so that the directory of a
    large site costs (accounts + hosts) facts and not their product.
    """

    def __init__(self) -> None:
        self._admitted: dict[tuple[object, ...], tuple[str, ...]] = {}
        self._classes: dict[tuple[str, ...], dict[str, CapturedFile]] = defaultdict(dict)

    def take(self, bundle: Bundle) -> None:
        """Note one host's accounts that may open a shell through sshd. Hosts with equal files are judged once."""
        rows = bundle.forms.get("passwd")
        if not rows:
            return
        with_keys = frozenset(account_of(bundle, file) for file in bundle.forms.get("authorized_keys", ()))
        alike = tuple(file.data for form in ("passwd", "group", "sshd") for file in bundle.forms.get(form, ()))
        key = (alike, with_keys)
        if key not in self._admitted:
            self._admitted[key] = tuple(sorted(_admitted(bundle, with_keys)))
        self._classes[self._admitted[key]].setdefault(bundle.host, rows[0])

    def facts(self) -> Iterator[Fact]:
        """`may_login`, by way of hubs where several accounts share several hosts."""
        classes: dict[str, list[int]] = defaultdict(list)
        places = list(self._classes.values())
        for number, admitted in enumerate(self._classes):
            for account in admitted:
                classes[account].append(number)
        alike: dict[tuple[int, ...], list[str]] = defaultdict(list)
        for account, numbers in classes.items():
            alike[tuple(numbers)].append(account)
        for group, accounts in alike.items():
            files = {host: file for number in group for host, file in places[number].items()}
            yield from _logins(accounts, files)


def _logins(accounts: list[str], files: dict[str, CapturedFile]) -> Iterator[Fact]:
    """These accounts may log in on each of these hosts."""
    hosts = sorted(files)
    if len(hosts) == 1 or len(accounts) == 1:
        for account in accounts:
            for host in hosts:
                yield stamped(Fact(ids.identity(account), "may_login", host), files[host])
        return
    hub = "identity:accounts/" + hashlib.sha256("\n".join(hosts).encode()).hexdigest()[:12]
    for account in accounts:
        yield stamped(Fact(ids.identity(account), "member_of", hub), files[hosts[0]])
    for host in hosts:
        yield stamped(Fact(hub, "may_login", host), files[host])


def _admitted(bundle: Bundle, with_keys: frozenset[str]) -> Iterator[str]:
    """Names of people, and of other accounts with keys, that have a shell and that sshd lets in."""
    found = server_of(bundle)
    server = found[1] if found else sshd.Sshd({})
    limited = bool(server.get("allowgroups") or server.get("denygroups"))
    of = _groups_of(bundle) if limited else {}
    for account in bundle.accounts.values():
        person = account.uid >= 1000 or account.name in with_keys
        if not person or account.uid in (0, 65534) or not account.may_have_shell:
            continue
        if _listed(server, account.name, of.get(account.name, ())):
            yield account.name


def _groups_of(bundle: Bundle) -> dict[str, tuple[str, ...]]:
    of: dict[str, list[str]] = defaultdict(list)
    by_number = {group.gid: group.name for group in bundle.groups.values()}
    for group in bundle.groups.values():
        for member in group.members:
            of[member].append(group.name)
    for account in bundle.accounts.values():
        if account.gid in by_number:
            of[account.name].append(by_number[account.gid])
    return {name: tuple(groups) for name, groups in of.items()}


# sudo and trust


def sudo(bundle: Bundle) -> Iterator[Fact]:
    """Who may become root. A command that is no way to root by itself is not counted."""
    for file, found in bundle.read("sudoers", sudoers.grants):
        said: set[tuple[str, bool]] = set()
        for grant in found:
            if not grant.is_root or not _here(bundle.name, grant.hosts):
                continue
            for who, beside in _grantees(bundle, file, grant.who):
                if beside is not None:
                    yield beside
                if (who, grant.nopasswd) not in said:
                    said.add((who, grant.nopasswd))
                    yield bundle.fact(
                        file,
                        who,
                        "may_sudo",
                        bundle.host,
                        nopasswd=grant.nopasswd,
                        command=ids.clean(grant.command),
                    )


def _here(name: str, hosts: tuple[str, ...]) -> bool:
    short = name.rpartition("/")[2]
    return any(
        host == "ALL" or fnmatchcase(short, host.partition(".")[0].lower()) or host[:1] in "+0123456789"
        for host in hosts
    )


def _grantees(bundle: Bundle, file: CapturedFile, who: str) -> Iterator[tuple[str, Fact | None]]:
    if who == "ALL":
        yield EVERYONE, None
    elif who.startswith("%"):
        yield from bundle.holders(file, who.lstrip("%:"))
    elif who.startswith("#"):
        named = [account.name for account in bundle.accounts.values() if str(account.uid) == who[1:]]
        yield from ((ids.identity(name), None) for name in named if name != "root")
    elif who != "root" and not who.startswith("+"):
        yield ids.identity(who), None


class Trusts:
    """Hosts let in without proof, over all hosts.

    A list that many hosts share becomes one hub (`cluster:equiv/…`): each host that reads the list trusts
    the hub, the hub trusts each host named, so that n hosts cost 2 n facts and not n².
    """

    _MOST = 8

    def __init__(self) -> None:
        self._said: set[str] = set()

    def take(self, bundle: Bundle) -> Iterator[Fact]:
        """One host's shosts.equiv and the like, where its sshd honours them."""
        found = server_of(bundle)
        if found is None or "yes" not in {value.lower() for value in found[1].every("hostbasedauthentication")}:
            return
        ignored = found[1].get("ignorerhosts").lower() == "yes"
        for file, rows in bundle.read("equiv", equiv.trusted):
            if not (file.name.startswith(".") and ignored):
                yield from self._file(bundle, file, rows)

    def _file(self, bundle: Bundle, file: CapturedFile, rows: tuple[equiv.Trusted, ...]) -> Iterator[Fact]:
        if any(row.host == "+" or row.host.startswith("+@") for row in rows):
            yield bundle.fact(file, bundle.host, "setting", "trusts_every_host=on")
        names = sorted({row.host for row in rows if not row.host.startswith("+")})
        if len(names) <= self._MOST:
            yield from (bundle.fact(file, bundle.host, "trusts_host", bundle.scope.host(name)) for name in names)
            return
        hub = "cluster:equiv/" + hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
        yield bundle.fact(file, bundle.host, "trusts_host", hub)
        if hub not in self._said:
            self._said.add(hub)
            yield bundle.fact(file, hub, "setting", "hostbased=on")
            yield from (bundle.fact(file, hub, "trusts_host", bundle.scope.host(name)) for name in names)
