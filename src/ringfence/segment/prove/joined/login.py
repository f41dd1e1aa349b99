"""Behind sshd's own list of accounts and addresses a key opens nothing but from where its owner works."""

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from ringfence.estate.facts import Fact
from ringfence.segment.prove.joined.view import View, said


def changes(view: View) -> tuple[list[Fact], list[Fact]]:
    """(facts taken away, facts added): `unlocks` becomes `unlocks_from` where every host that admits the
    account is fenced; `accepted_from` names the places that an attacker must hold as well.
    """
    sources = _sources(view)
    open_to = _admitted_elsewhere(view)
    places = _places(view)
    removed, added = [], []
    for fact in view.estate.facts("unlocks"):
        if fact.object in open_to:
            continue
        removed.append(fact)
        added.append(said(fact.subject, "unlocks_from", fact.object))
    for identity in dict.fromkeys(fact.object for fact in removed):
        matching = _matching(sources.get(identity, set()), places)
        added += [said(identity, "accepted_from", place) for place in matching]
    return removed, added


def _sources(view: View) -> dict[str, set[str]]:
    """Account → addresses, networks or machines from which some host accepts it."""
    found: dict[str, set[str]] = defaultdict(set)
    for allow in view.allows:
        for end in view.ends(allow.source):
            account, at, where = end.rpartition("@")
            found[account if at else end].add(where if at else "*")
    return found


def _admitted_elsewhere(view: View) -> set[str]:
    """Accounts that some host admits on which sshd is not fenced, themselves or by a group of theirs."""
    fenced = view.enforced("sshd")
    loose = {fact.subject for fact in view.estate.facts("may_login") if fact.object not in fenced}
    return loose | {fact.subject for fact in view.estate.facts("member_of") if fact.object in loose}


def _places(view: View) -> dict[str, list[str]]:
    """Machine → its addresses, and the networks it is on."""
    found: dict[str, list[str]] = defaultdict(list)
    for fact in view.estate.facts("attached_to"):
        if fact.subject.startswith(("host:", "workstation:")):
            address = str(fact.attributes.get("address", ""))
            found[fact.subject].append(address or fact.object.partition(":")[2])
    return found


def _matching(wanted: set[str], places: dict[str, list[str]]) -> Iterator[str]:
    for place, addresses in places.items():
        if place in wanted or "*" in wanted or any(_covers(one, address) for one in wanted for address in addresses):
            yield place


def _covers(wanted: str, address: str) -> bool:
    """Whether an address (or a whole network, where no address is known) touches what is wanted."""
    if wanted == address:
        return True
    try:
        net = ip_network(wanted, strict=False)
        return ip_address(address) in net if "/" not in address else ip_network(address, strict=False).overlaps(net)
    except (ValueError, TypeError):
        return False
