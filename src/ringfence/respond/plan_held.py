"""What an attacker has by an incident, as far as those who say so are believed."""

from collections.abc import Sequence

import msgspec

from ringfence.respond.ground import Ground
from ringfence.respond.measures import FORGED, sources, whom
from ringfence.watch.values import Incident, Signal


class Held(msgspec.Struct, frozen=True):
    """`texts`: positions as told; `feet`: their numbers in the graph; `hosts`: where the attacker is.

    `users`: host → the attacker's accounts there, only where all are known and none is root. `bound`: the number of an
    account's position → the hosts from which the attacker acts as it: nothing says that its key was taken elsewhere.
    `unknown`: sentences.
    """

    texts: tuple[str, ...]
    feet: tuple[int, ...]
    hosts: tuple[str, ...]
    users: dict[str, frozenset[str]]
    bound: tuple[tuple[int, tuple[str, ...]], ...]
    unknown: tuple[str, ...]


def believed(incident: Incident) -> tuple[Signal, ...]:
    """The signals but for what a forged source says of others, sorted.

    A source that was seen to lie is believed about itself alone: a signal that rests on nothing else and tells of
    another host is what the lie was for.
    """
    liars = {host for one in incident.signals if one.name == FORGED for host in sources(one)}
    kept = [one for one in incident.signals if one.name == FORGED or not _is_lie(one, liars)]
    return tuple(sorted(kept, key=lambda one: (one.name, one.key, one.time, one.why)))


def _is_lie(one: Signal, liars: set[str]) -> bool:
    mine = set(sources(one))
    named = {entity for entity in one.entities if entity.startswith("host:")}
    return bool(mine) and mine <= liars and not named <= mine


def held_by(incident: Incident, signals: Sequence[Signal], ground: Ground) -> Held:
    """What is held by these signals of the incident, and by its chain where no signal is left that says otherwise."""
    dropped = {position for one in incident.signals for position in one.holds}
    texts = {position for position in incident.chain if position not in dropped}
    users: dict[str, set[str]] = {}
    vague: set[str] = set()
    bound: dict[str, set[str]] = {}
    for one in signals:
        about = whom(one, ground)
        mine = [at for at in one.holds if one.name != FORGED or at.rpartition("#")[0] in about.hosts]
        texts.update(mine)
        shells = {at.rpartition("#")[0] for at in mine if at.startswith("host:")}
        for position in mine:
            if position.startswith("identity:"):
                bound.setdefault(position, set()).update(shells or {""})
            users_of_job = _users_of(position.rpartition("#")[0], ground)
            for host, user in users_of_job:
                users.setdefault(host, set()).add(user)
        for position in mine:
            host, _, capability = position.rpartition("#")
            if capability == "user" and host.startswith("host:") and about.users:
                users.setdefault(host, set()).update(about.users)
            elif host.startswith("host:"):
                vague.add(host)
    vague |= {at.rpartition("#")[0] for at in texts - {p for one in signals for p in one.holds}}
    bound |= {text: {""} for text in texts if text.startswith("identity:") and text not in bound}
    numbers = {text: ground.number(text) for text in sorted(texts)}
    hosts = {host for text in texts for host in _hosts(text.rpartition("#")[0], ground)}
    unknown = [
        f"{text} is not in the estate: nothing is known of what it leads to" for text in numbers if numbers[text] == -2
    ]
    if not texts:
        unknown.append("the incident does not say what the attacker holds")
    return Held(
        texts=tuple(sorted(texts)),
        feet=tuple(sorted({at for text, at in numbers.items() if at >= 0 and "" in bound.get(text, {""})})),
        hosts=tuple(sorted(hosts)),
        users={host: frozenset(those) for host, those in sorted(users.items()) if host not in vague},
        bound=tuple(
            (numbers[text], tuple(sorted(those)))
            for text, those in sorted(bound.items())
            if "" not in those and numbers[text] >= 0
        ),
        unknown=tuple(unknown),
    )


def _users_of(entity: str, ground: Ground) -> list[tuple[str, str]]:
    """(host, account) wherever a job runs that the attacker has."""
    user = ground.user_of_job.get(entity, "")
    return [(host, user) for host in ground.hosts_of_job.get(entity, ())] if user not in ("", "identity:root") else []


def _hosts(entity: str, ground: Ground) -> tuple[str, ...]:
    """Where an entity is: all of its hosts if it is a job."""
    one = ground.host_of(entity)
    return (one,) if one else ground.hosts_of_job.get(entity, ())
