"""Target `contain`: what a host's own containment table drops, put there and read back.

        document ─▶ parts ─▶ one transaction on `table inet ringfence_contain` ─▶ what the kernel lists ─▶ document
                      ▲                                                                  ▲
        accounts, control groups                          remembered: how the elements were called

Presence and end of every line come from the kernel; the file beside it only remembers words that an element cannot
hold (the account of a uid, the reason of an isolation). A transaction takes effect whole or not at all, so a process
killed anywhere leaves the old cuts or the new ones. What expires is lifted by the kernel, with nobody's help.

One line of a document that cannot be carried out (an account that nobody knows, a word that is no address) stops no
other: it is missing from what is read back. An error means that nothing was changed.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import msgspec

from ringfence.collect.nft import Entered, Nft, prefix
from ringfence.enforce import contain_parts, contain_table, files
from ringfence.enforce.contain_held import held
from ringfence.enforce.contain_names import groups_of, uids_of
from ringfence.enforce.contain_parts import NOTHING, Entry
from ringfence.enforce.contain_table import Listed
from ringfence.errors import EnforceError, InputError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import OnHost, Until, decode, encode, live

_FIELDS = ("counted", "throttled", "blocked", "users", "jobs", "isolated")
_FASTEST = 1 << 40


class Remembered(msgspec.Struct, frozen=True):
    """What was put in force last, and the uids of its accounts."""

    document: OnHost = OnHost()
    uids: dict[str, int] = {}


class Contain:
    """One host's containment table. `memory`: the file of `Remembered`; `now`: seconds since the epoch."""

    target = "contain"

    def __init__(
        self, where: str, memory: Path, entered: Entered = nullcontext, now: Callable[[], float] = time.time
    ) -> None:
        self.where = where
        self._nft, self._memory, self._now, self._prefix = Nft(entered), memory, now, prefix()

    def read(self) -> str:
        """The document of what is in force, as the kernel has it; "" where nothing is. Raises `EnforceError`."""
        return encode(self.document())

    def document(self) -> OnHost:
        """The same as a value. What lies in the table without our doing is told by its own name."""
        listed = self._listed()
        told: dict[str, list[Until]] = {field: [] for field in (*_FIELDS, "keep")}
        for one in self._held(listed):
            told[one.field].append(Until(one.what, one.until))
        keep = tuple(line.what for line in told.pop("keep"))
        rate = listed.rate if listed else OnHost().rate
        return OnHost(**{field: tuple(lines) for field, lines in told.items()}, rate=rate, keep=keep)

    def held(self) -> tuple[Entry, ...]:
        """Every line that is in force, `keep` too, with its elements and its end. Raises `EnforceError`."""
        return self._held(self._listed())

    def _held(self, listed: Listed | None) -> tuple[Entry, ...]:
        if listed is None:
            return ()
        if not listed.whole:
            raise EnforceError(f"table {contain_table.TABLE} is not as we made it", "put it in force again")
        said = self._remembered()
        found = contain_parts.entries(said.document, said.uids, groups_of(said.document, listed.elements))
        found += [Entry("keep", what, 0, parts) for what, parts in contain_parts.kept(said.document).items()]
        return held(found, listed.elements)

    def apply(self, artefact: Artefact) -> None:
        """Put a document in force in place of the one before, counted from now. Raises `EnforceError`."""
        self.restore(artefact.text)

    def restore(self, before: str) -> None:
        """The same with what `read` gave; "" takes the table away."""
        document = _decoded(before)
        now = self._now()
        document = msgspec.structs.replace(
            document, **{field: live(getattr(document, field), now) for field in _FIELDS}
        )
        if not encode(document):
            if self._nft.table(contain_table.TABLE):
                self._nft.run(f"delete table {contain_table.TABLE}")
            if self._memory.exists():
                files.replace(self._memory, "")
            return
        contain_parts.kept(document)
        names = [one.what for one in document.users]
        known = {name: uid for name, uid in self._remembered().uids.items() if name in names}
        self._put(Remembered(document, known))
        unknown = [name for name in names if contain_parts.uid_of(name, known) is None]
        if found := uids_of(unknown):
            self._put(Remembered(document, known | found))

    def _put(self, wanted: Remembered) -> None:
        document, listed, now = wanted.document, self._usable(), self._now()
        groups = groups_of(document, None)
        parts = [part for one in contain_parts.entries(document, wanted.uids, groups) for part in one.parts]
        parts += [part for inside in contain_parts.kept(document).values() for part in inside]
        lying = contain_parts.placed(parts)
        self._memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(self._memory, msgspec.json.encode(wanted).decode())
        if listed is not None and listed.rate == document.rate:
            self._nft.run(contain_table.renewing(listed, lying, now, self._prefix))
        else:
            self._nft.run(contain_table.making(lying, document.rate, now, self._prefix))

    def _listed(self) -> Listed | None:
        listing = self._nft.table(contain_table.TABLE)
        return contain_table.read(listing, self._now(), self._prefix) if listing else None

    def _usable(self) -> Listed | None:
        """The table if it can be changed as it stands; whatever else is there is made anew."""
        try:
            listed = self._listed()
        except EnforceError:
            return None
        return listed if listed is not None and listed.whole else None

    def _remembered(self) -> Remembered:
        """What the file says; where it is gone or damaged, nothing: the kernel's elements are told all the same."""
        try:
            found = msgspec.json.decode(files.text(self._memory) or "{}", type=Remembered)
            contain_parts.kept(found.document)
        except (EnforceError, msgspec.MsgspecError):
            return Remembered()
        return found


def _decoded(text: str) -> OnHost:
    try:
        document = decode(text, OnHost)
    except InputError as error:
        raise EnforceError(error.what, NOTHING) from None
    if (
        sum(len(getattr(document, field)) for field in (*_FIELDS, "keep")) > contain_parts.MOST
        or document.rate > _FASTEST
    ):
        raise EnforceError(
            f"a containment of more than {contain_parts.MOST} lines, or a rate beyond {_FASTEST}", NOTHING
        )
    return document
