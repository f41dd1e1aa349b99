"""Behind sshd's own list of accounts and addresses a key opens nothing but from where its owner works."""

from collections import defaultdict

from ringfence.estate.facts import Fact
from ringfence.segment.prove.joined.places import Places
from ringfence.segment.prove.joined.view import View, said


def changes(view: View) -> tuple[list[Fact], list[Fact]]:
    """(facts taken away, facts added): `unlocks` becomes `unlocks_from` where every host that admits the
    account is fenced; `accepted_from` names the places that an attacker must hold as well.
    """
    sources = _sources(view)
    open_to = _admitted_elsewhere(view)
    places = Places(view.estate)
    removed, added = [], []
    for fact in view.estate.facts("unlocks"):
        if fact.object in open_to:
            continue
        removed.append(fact)
        added.append(said(fact.subject, "unlocks_from", fact.object))
    for identity in dict.fromkeys(fact.object for fact in removed):
        found = (place for where in sources.get(identity, ()) for place in places.behind(where))
        added += [said(identity, "accepted_from", place) for place in dict.fromkeys(found)]
    return removed, added


def _sources(view: View) -> dict[str, set[str]]:
    """Account → addresses, networks or machines from which some host accepts it."""
    found: dict[str, set[str]] = defaultdict(set)
    for allow in view.allows:
        for end in view.ends(allow.source):
            account, at, where = end.rpartition("@")
            found[account if at else end] |= {where} if at else {"0.0.0.0/0", "::/0"}
    return found


def _admitted_elsewhere(view: View) -> set[str]:
    """Accounts that some host admits on which sshd is not fenced, themselves or by a group of theirs."""
    fenced = view.enforced("sshd")
    loose = {fact.subject for fact in view.estate.facts("may_login") if fact.object not in fenced}
    return loose | {fact.subject for fact in view.estate.facts("member_of") if fact.object in loose}
