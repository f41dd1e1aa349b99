"""Who is in which Unix group, over all hosts: what makes a group-readable folder readable.

Hosts of one site share their directory; equal passwd and group files are read once.
"""

from collections import defaultdict
from collections.abc import Iterator

from ringfence.collect.base import stamped
from ringfence.collect.hosts_bundle import Bundle
from ringfence.estate import ids
from ringfence.estate.facts import Fact


class Memberships:
    """`member_of` for every account and group, primary groups included; root needs none."""

    def __init__(self) -> None:
        self._seen: set[tuple[bytes, ...]] = set()
        self._said: set[tuple[str, str]] = set()

    def take(self, bundle: Bundle) -> Iterator[Fact]:
        """The memberships of one host that no host before it said."""
        files = bundle.forms.get("group", ())
        content = tuple(file.data for form in ("passwd", "group") for file in bundle.forms.get(form, ()))
        if not files or content in self._seen:
            return
        self._seen.add(content)
        primary: dict[int, list[str]] = defaultdict(list)
        for account in bundle.accounts.values():
            primary[account.gid].append(account.name)
        for group in bundle.groups.values():
            for name in sorted({*group.members, *primary.get(group.gid, ())} - {"root"}):
                if (name, group.name) not in self._said:
                    self._said.add((name, group.name))
                    yield stamped(Fact(ids.identity(name), "member_of", ids.group(group.name)), files[0])
