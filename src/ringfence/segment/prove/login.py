"""The login plane: who gets a session on which host, from what sshd's configuration says.

An endpoint `identity:alice@10.0.0.0/24` may log in for sure only if every address of the network is let in; it is a
leak if one address is. Passwords, keys and PAM are another matter: what is judged is whom sshd would refuse at once.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from ringfence.errors import InputError
from ringfence.segment.address import WORLD4, WORLD6, Index, Span, holds, span
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Policy, Proof, Residual
from ringfence.segment.prove.sided import Sided, between
from ringfence.segment.relation import Block, Ints
from ringfence.segment.what import What
from ringfence.wire.host.logins import Logins, Pattern, read

DROP_IN = "/etc/ssh/sshd_config.d/ringfence.conf"
USUAL = "Include /etc/ssh/sshd_config.d/*.conf\n"
"""What Debian's and Red Hat's `sshd_config` begins with; taken for hosts whose own file nobody captured."""

COVERS = "sshd's AllowUsers and DenyUsers; not keys, passwords, PAM, nor other ways to a shell"


def prove_login(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on drop-ins within each host's own `sshd_config`; a host without a drop-in is open."""
    names = Sided(policy, "login", "identity:", "host:")
    people, drop_in = _People(names), _drop_ins(artefacts)
    there = inventory.there.get("sshd", {})
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for at in names.targets.tolist():
        host = names.names[at]
        alike.setdefault((there.get(host, USUAL), drop_in.get(host, ())), []).append(host)
    most, least = [], []
    for (main, texts), hosts in alike.items():
        logins = read(main.encode(), {DROP_IN: "".join(texts).encode()} if texts else {})
        targets = names.numbers(hosts)
        most.append(Block(people.may(logins), targets, What("any")))
        least.append(Block(people.must(logins), targets, What("any")))
    return between(names, "sshd", most, least, residuals, COVERS)


def _drop_ins(artefacts: Sequence[Artefact]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for artefact in artefacts:
        for host in artefact.loaded_by:
            found[host] = (*found.get(host, ()), artefact.text)
    return found


class _People:
    """The endpoints `identity:…` by name and address."""

    def __init__(self, names: Sided) -> None:
        self._names = names
        self._places: dict[str, tuple[str, ...]] = {}
        self._of_user: dict[str, list[str]] = {}
        for at in names.sources.tolist():
            user, at_sign, place = names.names[at].partition(":")[2].rpartition("@")
            name = user if at_sign else place
            self._of_user.setdefault(name, []).append(names.names[at])
            self._places[names.names[at]] = (place,) if at_sign else ("0.0.0.0/0", "::/0")
        self._index = {user: Index(self._places, mine) for user, mine in self._of_user.items()}

    def may(self, logins: Logins) -> Ints:
        """Numbers of those of whom at least one address could be let in."""
        if logins.allow is None and not logins.sometimes:
            allowed = set(self._places)
        else:
            patterns = {*(logins.allow or (Pattern("*", "*"),)), *logins.sometimes}
            allowed = {one for pattern in sorted(patterns) for one in self._met(pattern)}
        return self._names.numbers(allowed - self._held(logins.deny))

    def must(self, logins: Logins) -> Ints:
        """Numbers of those who are let in from every address of theirs."""
        allowed = self._held((Pattern("*", "*"),) if logins.allow is None else logins.allow)
        return self._names.numbers(allowed - {one for pattern in logins.deny for one in self._met(pattern)})

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


def _sure(pattern: Pattern) -> bool:
    """Whether the host part says addresses, and not a name that sshd would have to look up."""
    return pattern.host == "*" or _spans(pattern) != (WORLD4, WORLD6)


def _spans(pattern: Pattern) -> tuple[Span, ...]:
    """The addresses that a host pattern may mean: all, where it is a name or has wildcards."""
    try:
        return (span(pattern.host),)
    except InputError:
        return WORLD4, WORLD6
