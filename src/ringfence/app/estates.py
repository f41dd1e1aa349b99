"""Opening, comparing, merging and marking saved estates."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ringfence.collect.hardware import swapped
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.store import saved
from ringfence.store.pseudonyms import pseudonymous

__all__ = ["difference", "marked", "merged", "open_estate", "pseudonymous", "save_estate"]


def open_estate(path: Path, identity: Path | None = None) -> Estate:
    """Read a saved estate. Raises `EstateError`."""
    return saved.load(path, identity)


def save_estate(estate: Estate, path: Path, recipients: Sequence[str] = ()) -> None:
    """Write an estate, private to its owner."""
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder", "make it first, or name another")
    saved.save(estate, path, recipients)


def difference(before: Estate, after: Estate) -> dict[str, Any]:
    """What changed: facts compared by what they say, not by when or by whom."""
    old, new = _said(before), _said(after)
    added = [new[key] for key in sorted(new.keys() - old.keys())]
    removed = [old[key] for key in sorted(old.keys() - new.keys())]
    entities = {
        name: {estate.terms.values[at] for at in estate.entities} for name, estate in (("a", before), ("b", after))
    }
    return {
        "entities": {
            "added": sorted(entities["b"] - entities["a"]),
            "removed": sorted(entities["a"] - entities["b"]),
        },
        "added": [fact.as_json() for fact in added],
        "removed": [fact.as_json() for fact in removed],
        "swapped": [fact.as_json() for fact in swapped(before, after)],
    }


def _said(estate: Estate) -> dict[tuple[str, ...], Fact]:
    return {
        (fact.predicate, fact.subject, fact.object, repr(sorted(fact.attributes.items()))): fact
        for fact in estate.facts()
    }


def merged(estates: Sequence[Estate]) -> Estate:
    """One estate of several clusters: shared sign-on, storage, registries and keys join them by id.

    Credentials join only where both were collected with one salt.
    """
    return estate_of((fact for estate in estates for fact in estate.facts()), estates[0].salt)


def marked(estate: Estate, entities: Sequence[str], reason: str) -> Estate:
    """The estate with these entities as its crown jewels, beside those already marked."""
    for entity in entities:
        if entity not in estate:
            raise UsageError(f"{entity} is not in this estate", "`ringfence show --list KIND` lists what is")
    jewels = [Fact(entity, "jewel", reason, {"marked_by": "user"}, "ringfence mark") for entity in entities]
    return estate_of([*estate.facts(), *jewels], estate.salt)
