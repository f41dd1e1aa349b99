"""sshd: a drop-in that names who may log in from where; everyone else is refused.

`Match all` takes the place of what others say globally about AllowUsers (tried on OpenSSH 9.2), so the drop-in
decides alone wherever it is included; other Match blocks with AllowUsers add up, and are left to the proof.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from ringfence.segment.address import Span, meet, networks, span
from ringfence.segment.compile.parts import MARK, named, unguarded
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy, Residual
from ringfence.segment.rules import by_target, sources

PLANE, TARGET = "login", "sshd"
_USER = re.compile(r"\A(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\$?|\*)\Z")
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def compile_sshd(policy: Policy, inventory: Inventory) -> Compiled:
    """One drop-in per set of rules, for `/etc/ssh/sshd_config.d/ringfence.conf`; hosts with equal rules share it."""
    guarded = frozenset(inventory.enforcers.get(TARGET, ()))
    known = _by_user(one for group in policy.groups.values() for one in group.on(PLANE))
    artefacts, residuals = [], list(unguarded(policy, PLANE, TARGET, "host:", guarded, "let Ringfence manage its sshd"))
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
    """`user@network`; a name that sshd could take for a pattern is left out, and the proof calls it a break."""
    of_user: dict[str, list[str]] = {}
    for endpoint in allowed:
        user, places = _split(endpoint)
        if _USER.match(user):
            of_user.setdefault(user, []).extend(places)
    return [f"{user}@{place}" for user in sorted(of_user) for place in networks(span(text) for text in of_user[user])]


def _split(endpoint: str) -> tuple[str, tuple[str, ...]]:
    """`identity:alice@10.0.0.0/24` → alice and the networks."""
    name = endpoint.partition(":")[2]
    user, at, place = name.rpartition("@")
    return (user, (place,)) if at else (name, _EVERYWHERE)


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
    """Those not allowed whose address lies within a network from which the same name, or everyone, is."""
    let_in = _by_user(allowed)
    everyone = [one for spans in let_in.get("*", {}).values() for one in spans]
    why = "the same account, or every account, may log in from a network that this address shares"
    remedy = "state the network without this address"
    met = []
    for user in known if everyone else let_in:
        open_to = [*everyone, *(one for spans in let_in.get(user, {}).values() for one in spans)]
        for endpoint, spans in known.get(user, {}).items():
            if endpoint not in let_in.get(user, {}) and any(meet(a, b) for a in spans for b in open_to):
                met.append(endpoint)
    return [Residual(PLANE, TARGET, endpoint, host, 1, why, remedy) for endpoint in sorted(met) for host in hosts]
