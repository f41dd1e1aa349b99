"""Lustre: a nodemap per set of hosts with equal rights confines them to a folder; every other client is refused.

A client is in one map and a map has one fileset, so hosts that need two folders get the folder that holds both, and
what else lies in it is a residual. Root is squashed (`admin 0`). Accounts pass through (`trusted 1`) unless the ids of
the tenant are given, which are then the only ones.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os.path import commonpath

from ringfence.segment.address import Span, spans
from ringfence.segment.compile.parts import MARK, named, unguarded
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy
from ringfence.segment.place import LUSTRE, Opened, Place, place, told
from ringfence.segment.rules import by_target, sources

PLANE, TARGET = "storage", "lustre"
Right = tuple[str, bool]
"""(endpoint, whether it may be written)"""

DENIED = ("admin 0", "trusted 0", "deny_unknown 1")


def compile_lustre(
    policy: Policy,
    inventory: Inventory,
    networks: Sequence[str] = ("tcp", "o2ib"),
    ids: Mapping[str, Sequence[tuple[int, int]]] | None = None,
) -> Compiled:
    """One script of lctl commands for the management servers. Compiled, not enforced here.

    `networks`: the LNet networks on which clients come. `ids`: tenant → (user id, group id) of each of its accounts.
    """
    servers = tuple(sorted(inventory.enforcers.get(TARGET, ())))
    ends = sorted({end for mine in by_target(policy, PLANE, LUSTRE).values() for end in mine})
    if not servers or not ends:
        bare = unguarded(policy, PLANE, TARGET, LUSTRE, (), "name the hosts of its management server")
        return Compiled(TARGET, PLANE, (), bare, enforced=False)
    lines, opened = [f"# {MARK}"], list[Opened]()
    tenants = _tenants(policy) if ids else {}
    for rights, hosts in _classes(policy).items():
        of = sorted({tenants.get(host, "") for host in hosts})
        accounts = sorted({pair for tenant in of for pair in (ids or {}).get(tenant, ())})
        lines += _map(rights, _spans(inventory, hosts), networks, accounts)
        opened += _wider(rights, hosts, ends)
    lines += [_set("default", *one.split()) for one in DENIED]
    lines.append("lctl nodemap_activate 1")
    text = "\n".join(lines) + "\n"
    residuals = tuple(sorted(told(policy, PLANE, TARGET, opened)))
    return Compiled(TARGET, PLANE, (Artefact("lustre/nodemaps.sh", text, servers),), residuals, enforced=False)


def _classes(policy: Policy) -> dict[tuple[Right, ...], list[str]]:
    """Rights → the hosts that have exactly these."""
    of_host: dict[str, dict[str, bool]] = {}
    for rules, ends in by_target(policy, PLANE, LUSTRE).items():
        for rule in rules:
            for host in sources(policy, PLANE, (rule,), "host:"):
                mine = of_host.setdefault(host, {})
                mine.update({end: mine.get(end, False) or rule[1] != "ro" for end in ends})
    found: dict[tuple[Right, ...], list[str]] = {}
    for host in sorted(of_host):
        found.setdefault(tuple(sorted(of_host[host].items())), []).append(host)
    return found


def _tenants(policy: Policy) -> dict[str, str]:
    return {host: group.tenant for group in policy.groups.values() if group.tenant for host in group.on(PLANE)}


def _spans(inventory: Inventory, hosts: Iterable[str]) -> list[Span]:
    found = (one for host in hosts for one in spans(inventory.addresses.get(host, ())))
    return [one for one in found if one[0] == 4]  # NIDs of version 6 came with 2.16 and have no ranges


def _map(
    rights: Sequence[Right], spans: Sequence[Span], networks: Sequence[str], accounts: Sequence[tuple[int, int]]
) -> Iterator[str]:
    name = "rf_" + named(f"{end} {rw}" for end, rw in rights)
    yield f"lctl nodemap_add {name}"
    yield _set(name, "admin", "0")
    yield _set(name, "trusted", "0" if accounts else "1")
    for kind, at in (("uid", 0), ("gid", 1)):
        for number in sorted({pair[at] for pair in accounts}):
            yield f"lctl nodemap_add_idmap --name {name} --idtype {kind} --idmap {number}:{number}"
    if accounts:
        yield _set(name, "deny_unknown", "1")
    yield _set(name, "readonly_mount", "0" if any(rw for _, rw in rights) else "1")
    yield f"lctl nodemap_set_fileset --name {name} --fileset {_quoted(_fileset(rights))}"
    for text in _ranges(spans):
        for network in networks:
            yield f"lctl nodemap_add_range --name {name} --range {text}@{network}"


def _set(name: str, key: str, value: str) -> str:
    return f"lctl nodemap_modify --name {name} --property {key} --value {value}"


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "'\"'\"'") + "'"


def _fileset(rights: Sequence[Right]) -> str:
    return commonpath([place(end).path for end, _ in rights])


def _ranges(spans: Iterable[Span]) -> Iterator[str]:
    """Addresses as ranges of the last part, which is where lctl takes them."""
    runs: list[list[int]] = []
    for number in sorted({one for _, low, high in spans for one in range(low, min(high, low + (1 << 16)) + 1)}):
        if runs and runs[-1][1] == number - 1 and number % 256:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    for low, high in runs:
        before = f"{low >> 24}.{low >> 16 & 255}.{low >> 8 & 255}"
        yield f"{before}.{low & 255}" if low == high else f"{before}.[{low & 255}-{high & 255}]"


def _wider(rights: Sequence[Right], hosts: Sequence[str], ends: Sequence[str]) -> Iterator[Opened]:
    """What the one fileset, or the one right to write, opens beyond what is meant."""
    may, folder = dict(rights), _fileset(rights)
    write = any(may.values())
    why = f"a nodemap has one fileset, {folder}, and one right for all of it"
    for end in ends:
        inside = Place("", folder).holds(Place("", place(end).path))
        if inside and (end not in may or (write and not may[end])):
            yield Opened(frozenset(hosts), frozenset(), end, why, "keep the folders of different tenants apart")
