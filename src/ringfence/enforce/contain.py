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

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from pathlib import Path

import msgspec

from ringfence.collect.nft import Entered, Nft, prefix
from ringfence.enforce import confine, contain_parts, contain_table, files
from ringfence.enforce.contain_parts import NOTHING, Entry, Key, Part, end
from ringfence.enforce.contain_table import Element, Listed
from ringfence.errors import EnforceError, InputError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import OnHost, Until, decode, encode, live

PATIENCE = 3.0
"""Seconds that the host's directory of accounts may take; the cuts that need no account stand by then."""

Lying = Mapping[str, Mapping[Key, Element]]
"""What the kernel lists: set → key → element."""

_FIELDS = ("counted", "throttled", "blocked", "users", "jobs", "isolated")
_FASTEST = 1 << 40
_SCOPE = "slurmstepd.scope"


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
        found = contain_parts.entries(said.document, said.uids, _groups(said.document, listed.elements))
        found += [Entry("keep", what, 0, parts) for what, parts in contain_parts.kept(said.document).items()]
        ours = contain_parts.placed(part for one in found for part in one.parts)
        ends = ((one, _until(one, listed.elements)) for one in found)
        held = [msgspec.structs.replace(one, until=until) for one, until in ends if until is not None]
        return (*held, *_strange(listed.elements, ours))

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
        if found := _uids(unknown):
            self._put(Remembered(document, known | found))

    def _put(self, wanted: Remembered) -> None:
        document, listed, now = wanted.document, self._listed(), self._now()
        groups = _groups(document, None)
        parts = [part for one in contain_parts.entries(document, wanted.uids, groups) for part in one.parts]
        parts += [part for inside in contain_parts.kept(document).values() for part in inside]
        lying = contain_parts.placed(parts)
        self._memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(self._memory, msgspec.json.encode(wanted).decode())
        if listed is not None and listed.whole and listed.rate == document.rate:
            self._nft.run(contain_table.renewing(listed, lying, now, self._prefix))
        else:
            self._nft.run(contain_table.making(lying, document.rate, now, self._prefix))

    def _listed(self) -> Listed | None:
        listing = self._nft.table(contain_table.TABLE)
        return contain_table.read(listing, self._now(), self._prefix) if listing else None

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


def _groups(document: OnHost, lying: Lying | None) -> dict[str, contain_parts.Lies]:
    """Where the control groups of each job lie. To put them in force (`lying` None) our own is made first.

    Read back, a job whose groups are all gone is one that has ended: its elements, which match nothing, count.
    """
    jobs = sorted({one.what for one in document.jobs if contain_parts.is_job(one.what)})
    if not jobs:
        return {}
    try:
        root = confine.mount()
        for job in jobs if lying is None else ():
            confine.make(root, job)
    except EnforceError:  # no hierarchy: no job can be named, and none is told to be in force
        return {}
    scopes = [f"{scope}/" for scope in _scopes(root)]
    found: dict[str, contain_parts.Lies] = {}
    for job in jobs:
        paths = (confine.group_of(job), *(f"{scope}job_{job}" for scope in scopes))
        found[job] = tuple((f"jobs{path.count('/') + 1}", path) for path in paths if (root / path).is_dir())
        found[job] = found[job] or tuple(_ended(job, lying or {}))
    return found


def _ended(job: str, lying: Lying) -> Iterator[tuple[str, str]]:
    for name in (f"jobs{level}" for level in contain_parts.JOB_LEVELS):
        yield from ((name, str(key)) for key, one in lying.get(name, {}).items() if one.note == job)


def _scopes(root: Path) -> Iterator[str]:
    """Where slurmd keeps its jobs (cgroup.conf(5)): below the root, or below systemd's slice."""
    for folder in (root, root / "system.slice"):
        if folder.is_dir():
            yield from (str(one.relative_to(root)) for one in folder.glob(f"*{_SCOPE}") if '"' not in one.name)


def _uids(names: list[str]) -> dict[str, int]:
    """What the host's directory says of accounts (getent(1)); those it does not know in time are left out."""
    asked = [name for name in names if name.isprintable() and not name.startswith("-")]
    if not asked:
        return {}
    try:
        done = subprocess.run(
            ("getent", "passwd", *asked),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return {}
    rows = [line.split(":") for line in done.stdout.splitlines()]
    return {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[0] in asked and row[2].isdigit()}


def _until(entry: Entry, elements: Lying) -> int | None:
    """When an entry ends as the kernel has it; None where one of its elements is not there."""
    ends = [_end(part, elements) for part in entry.parts]
    if not ends or None in ends:
        return None
    return min(end(entry.until), *(one for one in ends if one is not None)) % contain_parts.FOREVER


def _end(part: Part, elements: Lying) -> int | None:
    lying = elements.get(part.set, {})
    if isinstance(part.key, tuple):
        spans = [(*key, end(one.until)) for key, one in lying.items() if isinstance(key, tuple)]
        return contain_parts.covered(part.key, spans)
    return end(lying[part.key].until) if part.key in lying else None


def _strange(elements: Lying, wanted: Mapping[str, Mapping[Key, tuple[int, str]]]) -> Iterator[Entry]:
    """Each element that is not ours, or outlasts what was said; a control group that is gone matches nothing."""
    for name, lying in elements.items():
        ours = wanted.get(name, {})
        for key, one in lying.items():
            if isinstance(key, str) and key.isdigit():
                continue
            if key not in ours or end(one.until) > end(ours[key][0]) + contain_table.SLACK:
                parts = (Part(name, key, one.until, one.note),)
                yield from (Entry(_FIELD[name.rstrip("46")], what, one.until, parts) for what in _names(name, key, one))


_FIELD = {
    **{name: field for field, name in contain_parts.SINGLE.items()},
    **{f"jobs{level}": "jobs" for level in contain_parts.JOB_LEVELS},
    **{name: name for name in ("users", "isolated", "keep")},
    "wide": "blocked",
}


def _names(name: str, key: Key, one: Element) -> Iterator[str]:
    made = IPv6Address if name.endswith("6") else IPv4Address
    if isinstance(key, tuple) and key[0] == key[1]:
        yield str(made(key[0]))
    elif isinstance(key, tuple):
        yield from map(str, summarize_address_range(made(key[0]), made(key[1])))
    elif isinstance(key, int) and name != "users":
        yield str(made(key))
    else:
        yield one.note or str(key)
