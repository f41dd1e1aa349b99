"""sshd: a drop-in that names who may log in from where; everyone else is refused.

`Match all` takes the place of what others say globally about AllowUsers (tried on OpenSSH 9.2), so the drop-in
decides alone wherever it is included; other Match blocks with AllowUsers add up, and are left to the proof.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ringfence.segment.address import Span, meet, networks, span
from ringfence.segment.compile.parts import MARK, named, unguarded
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import BETWEEN, Artefact, Compiled, Policy, Residual
from ringfence.segment.rules import by_target, sources
from ringfence.wire.host.logins import is_name

PLANE, TARGET = "login", "sshd"
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def compile_sshd(policy: Policy, inventory: Inventory) -> Compiled:
    """One drop-in per set of rules, for `/etc/ssh/sshd_config.d/ringfence.conf`; hosts with equal rules share it."""
    guarded = frozenset(inventory.enforcers.get(TARGET, ()))
    known = _by_user(one for group in policy.groups.values() for one in group.on(PLANE))
    artefacts, residuals = [], list(unguarded(policy, PLANE, TARGET, "host:", guarded, "let Ringfence manage its sshd"))
    residuals += _unnamed(one for rule in policy.on(PLANE) for one in policy.groups[rule.source].on(PLANE))
    merged: dict[tuple[str, ...], list[str]] = {}
    for rules, hosts in by_target(policy, PLANE, "host:").items():
        mine = sources(policy, PLANE, rules, "identity:")
        merged.setdefault(mine, []).extend(host for host in hosts if host in guarded)
    for mine, found in merged.items():
        if found:
            artefacts.append(Artefact(f"sshd/{named(mine)}.conf", _text(mine), tuple(sorted(found))))
            residuals += _covered(mine, known, sorted(found))
    return Compiled(TARGET, PLANE, tuple(artefacts), tuple(sorted(residuals)))


def _text(allowed: Sequence[str]) -> str:
    patterns = _patterns(allowed)
    said = f"AllowUsers {' '.join(patterns)}" if patterns else "DenyUsers *"
    return f"# {MARK}\nMatch all\n  {said}\n"


def _patterns(allowed: Iterable[str]) -> list[str]:
    """`user@network`; a name that sshd could take for a pattern is left out, and told by `_unnamed`."""
    of_user: dict[str, list[str]] = {}
    for endpoint in allowed:
        user, places = _split(endpoint)
        if is_name(user):
            of_user.setdefault(user, []).extend(places)
    return [f"{user}@{place}" for user in sorted(of_user) for place in networks(span(text) for text in of_user[user])]


def _split(endpoint: str) -> tuple[str, tuple[str, ...]]:
    """`identity:alice@10.0.0.0/24` → alice and the networks."""
    name = endpoint.partition(":")[2]
    user, at, place = name.rpartition("@")
    return (user, (place,)) if at else (name, _EVERYWHERE)


def _unnamed(allowed: Iterable[str]) -> Iterator[Residual]:
    """Accounts that would be a pattern of others. Neither end is an endpoint: nothing is opened, they are kept out."""
    why = "sshd would take its name for a pattern: it is not written, hence refused on every fenced host"
    for endpoint in sorted(set(allowed)):
        if endpoint.startswith("identity:") and not is_name(_split(endpoint)[0]):
            told = f"account {endpoint!a}".replace(BETWEEN, ",")
            yield Residual(PLANE, TARGET, told, "every fenced host", 0, why, "rename the account")


def _by_user(endpoints: Iterable[str]) -> dict[str, dict[str, list[Span]]]:
    """Name → its endpoints → their networks."""
    found: dict[str, dict[str, list[Span]]] = {}
    for endpoint in set(endpoints):
        if endpoint.startswith("identity:"):
            user, places = _split(endpoint)
            found.setdefault(user, {})[endpoint] = [span(text) for text in places]
    return found


def _covered(
    allowed: Sequence[str], known: Mapping[str, Mapping[str, Sequence[Span]]], hosts: Sequence[str]
) -> list[Residual]:
    """Those not allowed whose address lies within a network from which the same name is."""
    let_in = _by_user(allowed)
    why = "the same account may log in from a network that this address shares"
    remedy = "state the network without this address"
    met = []
    for user, mine in let_in.items():
        open_to = [one for spans in mine.values() for one in spans]
        for endpoint, spans in known.get(user, {}).items():
            if endpoint not in mine and any(meet(a, b) for a in spans for b in open_to):
                met.append(endpoint)
    return [Residual(PLANE, TARGET, endpoint, host, 1, why, remedy) for endpoint in sorted(met) for host in hosts]
