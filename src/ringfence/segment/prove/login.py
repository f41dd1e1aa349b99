"""The login plane: who gets a session on which host, from what sshd's configuration says.

An endpoint `identity:alice@10.0.0.0/24` may log in for sure only if every address of the network is let in; it is a
leak if one address is. A pattern that lets others in as well (an account that the policy does not know, an address that
no endpoint of the account has) is an endpoint of its own, `identity:<pattern>`, whom nothing in the policy means.
Passwords, keys and PAM are another matter: what is judged is whom sshd would refuse at once.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np

from ringfence.errors import InputError
from ringfence.segment.address import WORLD4, WORLD6, Index, Span, holds, networks, span
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Policy, Proof, Residual
from ringfence.segment.prove.sided import Sided, between
from ringfence.segment.relation import Block, Ints
from ringfence.segment.what import What
from ringfence.wire.host.logins import Logins, Pattern, is_name, read

DROP_IN = "/etc/ssh/sshd_config.d/ringfence.conf"
USUAL = "Include /etc/ssh/sshd_config.d/*.conf\n"
"""What Debian's and Red Hat's `sshd_config` begins with; taken for hosts whose own file nobody captured."""

EVERYONE = Pattern("*", "*")

COVERS = "sshd's AllowUsers and DenyUsers; not keys, passwords, PAM, nor other ways to a shell"


def prove_login(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on drop-ins within each host's own `sshd_config`; a host without a drop-in is open."""
    people = _People(one for group in policy.groups.values() for one in group.on("login") if nameable(one))
    drop_in, there = _drop_ins(artefacts), inventory.there.get("sshd", {})
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for host in dict.fromkeys(one for group in policy.groups.values() for one in group.on("login")):
        if host.startswith("host:"):
            alike.setdefault((there.get(host, USUAL), drop_in.get(host, ())), []).append(host)
    read_ = {key: read(key[0].encode(), {DROP_IN: "".join(key[1]).encode()} if key[1] else {}) for key in alike}
    wider = {key: people.wider(logins) for key, logins in read_.items()}
    names = _Logins(policy, [one for found in wider.values() for one in found])
    most, least = [], []
    for key, hosts in alike.items():
        targets, logins = names.numbers(hosts), read_[key]
        most.append(Block(names.numbers({*people.may(logins), *wider[key]}), targets, What("any")))
        least.append(Block(names.numbers(people.must(logins)), targets, What("any")))
    return between(names, "sshd", most, least, residuals, COVERS)


def nameable(endpoint: str) -> bool:
    """Whether it is an account that a pattern of sshd can name alone; others are refused wherever sshd restricts."""
    user, at, place = endpoint.partition(":")[2].rpartition("@")
    return endpoint.startswith("identity:") and is_name(user if at else place)


class _Logins(Sided):
    """The endpoints of the plane, and patterns that let others in. An account that no pattern can name is not meant."""

    def __init__(self, policy: Policy, wider: Sequence[str]) -> None:
        super().__init__(policy, "login", "identity:", "host:", wider)

    @cached_property
    def sources(self) -> Ints:
        """Numbers of the accounts that sshd can tell apart."""
        return np.array([at for at in self._of_kind("identity:").tolist() if nameable(self.names[at])], np.int64)


def _drop_ins(artefacts: Sequence[Artefact]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for artefact in artefacts:
        for host in artefact.loaded_by:
            found[host] = (*found.get(host, ()), artefact.text)
    return found


class _People:
    """The endpoints `identity:…` by name and address."""

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._places: dict[str, tuple[str, ...]] = {}
        self._of_user: dict[str, list[str]] = {}
        for one in dict.fromkeys(endpoints):
            user, at_sign, place = one.partition(":")[2].rpartition("@")
            self._of_user.setdefault(user if at_sign else place, []).append(one)
            self._places[one] = (place,) if at_sign else ("0.0.0.0/0", "::/0")
        self._index = {user: Index(self._places, mine) for user, mine in self._of_user.items()}
        self._known: dict[Pattern, bool] = {}

    def may(self, logins: Logins) -> set[str]:
        """Those of whom at least one address could be let in."""
        allowed = {one for pattern in _patterns(logins) for one in self._met(pattern)}
        return allowed - self._held(logins.deny)

    def must(self, logins: Logins) -> set[str]:
        """Those who are let in from every address of theirs."""
        allowed = self._held((EVERYONE,) if logins.allow is None else logins.allow)
        return allowed - {one for pattern in logins.deny for one in self._met(pattern)}

    def wider(self, logins: Logins) -> list[str]:
        """Patterns that could let in an account or an address that is nobody's here, each as `identity:<pattern>`."""
        return [
            f"identity:{one.user}" + (f"@{one.host}" if one.host != "*" else "")
            for one in _patterns(logins)
            if not self._is_known(one) and not any(_refuses(deny, one) for deny in logins.deny)
        ]

    def _is_known(self, pattern: Pattern) -> bool:
        """Whether it names an account, and addresses that the account's endpoints have together."""
        if pattern not in self._known:
            own = [span(text) for one in self._of_user.get(pattern.user, ()) for text in self._places[one]]
            self._known[pattern] = networks(own) == networks([*own, *_spans(pattern)])
        return self._known[pattern]

    def _met(self, pattern: Pattern) -> list[str]:
        return [
            one
            for user in self._users(pattern.user)
            for net in _spans(pattern)
            for one in self._index[user].within(net)
        ]

    def _held(self, patterns: Iterable[Pattern]) -> set[str]:
        spans: dict[str, list[Span]] = {}
        for pattern in patterns:
            for user in self._users(pattern.user) if _sure(pattern) else ():
                spans.setdefault(user, []).extend(_spans(pattern))
        return {
            one
            for user, whole in spans.items()
            for one in self._of_user[user]
            if all(any(holds(each, span(text)) for each in whole) for text in self._places[one])
        }

    def _users(self, pattern: str) -> list[str]:
        if not any(mark in pattern for mark in "*?"):
            return [pattern] if pattern in self._of_user else []
        return [user for user in self._of_user if fnmatchcase(user, pattern)]


def _patterns(logins: Logins) -> list[Pattern]:
    """Those that could let somebody in; everyone where nothing restricts."""
    return sorted({*((EVERYONE,) if logins.allow is None else logins.allow), *logins.sometimes})


def _refuses(deny: Pattern, allowed: Pattern) -> bool:
    """Whether all whom one pattern lets in are refused by the other."""
    if deny.user not in ("*", allowed.user):
        return False
    return deny.host in ("*", allowed.host) or (
        _sure(deny) and all(any(holds(each, one) for each in _spans(deny)) for one in _spans(allowed))
    )


def _sure(pattern: Pattern) -> bool:
    """Whether the host part says addresses, and not a name that sshd would have to look up."""
    return pattern.host == "*" or _spans(pattern) != (WORLD4, WORLD6)


def _spans(pattern: Pattern) -> tuple[Span, ...]:
    """The addresses that a host pattern may mean: all, where it is a name or has wildcards."""
    try:
        return (span(pattern.host),)
    except InputError:
        return WORLD4, WORLD6
