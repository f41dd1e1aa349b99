"""What changed between two estates."""

from collections.abc import Iterator

import msgspec

from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact


class Delta(msgspec.Struct, frozen=True):
    """Facts to add and facts to take away; `Estate.with_delta(delta.added, delta.removed)` does it."""

    added: tuple[Fact, ...] = ()
    removed: tuple[Fact, ...] = ()

    def reversed(self) -> "Delta":
        """What undoes this."""
        return Delta(self.removed, self.added)

    def __len__(self) -> int:
        return len(self.added) + len(self.removed)


def between(before: Estate, after: Estate) -> Delta:
    """What must change to get from one estate to the other. Times do not count: a fact seen again is the same fact."""
    old, new = dict(_said(before)), dict(_said(after))
    return Delta(
        tuple(fact for key, fact in new.items() if key not in old),
        tuple(fact for key, fact in old.items() if key not in new),
    )


def _said(estate: Estate) -> Iterator[tuple[tuple[str, str, str, str, str], Fact]]:
    texts = estate.attribute_texts.values
    for name, table in estate.tables.items():
        columns = (table.subject, table.object, table.attributes, table.source)
        codes = zip(*(column[table.live].tolist() for column in columns), table.live.tolist(), strict=True)
        for subject, object_, attributes, source, at in codes:
            terms, sources = estate.terms.values, estate.sources.values
            key = (terms[subject], name, terms[object_], texts[attributes], sources[source])
            yield key, Fact(key[0], name, key[2], estate.attributes_of(attributes), key[4], float(table.observed[at]))
