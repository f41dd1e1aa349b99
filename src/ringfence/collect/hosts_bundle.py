"""One host's captured files, sorted by form, each read once."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TypeVar

from ringfence.collect.base import CapturedFile, Scope, stamped
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.wire.host import accounts as accounts_file
from ringfence.wire.host import (
    addresses,
    equiv,
    hashed,
    jupyter,
    kernel,
    kubelet,
    modes,
    pam,
    runtime,
    sessions,
    sockets,
    sshd,
    sshkeys,
    sudoers,
    units,
    versions,
)
from ringfence.wire.host.accounts import Account, Group

Value = TypeVar("Value")

SMALL_GROUP = 8
"""Up to so many members are named one by one; larger groups are an identity of their own (a hub)."""


def _ssh_secrets(head: bytes) -> bool:
    """Hashed secrets of SSH; those of schedulers and storage are their own families'."""
    return b"ssh" in head and hashed.looks_like(head)


_PLAIN: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("passwd", accounts_file.looks_like_passwd),
    ("group", accounts_file.looks_like_group),
    ("secrets", _ssh_secrets),
    ("sockets", sockets.looks_like),
    ("modes", modes.looks_like),
    ("jupyter", jupyter.looks_like),
    ("pam", pam.looks_like),
)


def classify(path: str, head: bytes) -> str:
    """The form of a host's file by its content, "" for files of other families.

    The name decides only where content cannot: `salt`, `hosts.equiv`, `cmdline`, `daemon.json`.
    """
    name = path.rpartition("/")[2]
    if name == "salt" and len(head) < 200 and not head.strip().strip(b"0123456789abcdef"):
        return "salt"
    if name == "capture.log" and head.startswith(b"ringfence capture"):
        return "log"
    if name in equiv.NAMES:
        return "equiv"
    for form, test in _PLAIN:
        if test(head):
            return form
    for found in (
        kubelet.looks_like(path, head),
        versions.looks_like(path, head),
        runtime.looks_like(path, head),
        addresses.looks_like(path, head),
        kernel.looks_like(path, head),
        sessions.looks_like(path, head),
        units.looks_like(head),
    ):
        if found:
            return found
    if kind := sshkeys.looks_like(head):
        return {"known": "known_hosts"}.get(kind) or ("public_keys" if name.endswith(".pub") else "authorized_keys")
    if sudoers.looks_like(head):
        return "sudoers"
    return sshd.looks_like(head)


@lru_cache(maxsize=2048)
def _read(reader: Callable[[bytes], object], data: bytes) -> object:
    """Most files of a class of hosts are equal: each content is read once."""
    return reader(data)


class Bundle:
    """The files of one host. `problems` grows while sections read."""

    def __init__(self, host: str, forms: Mapping[str, list[CapturedFile]], scope: Scope) -> None:
        self.host, self.forms, self.scope = host, forms, scope
        self.problems: list[Problem] = []
        self._known: dict[tuple[str, object], list[tuple[CapturedFile, object]]] = {}
        self._accounts: dict[str, Account] | None = None
        self._groups: dict[str, Group] | None = None

    @property
    def name(self) -> str:
        """The host's name without its kind."""
        return self.host.partition(":")[2]

    def read(self, form: str, reader: Callable[[bytes], Value]) -> list[tuple[CapturedFile, Value]]:
        """Every file of a form with its value; files that do not parse become problems, once."""
        key = (form, reader)
        if key not in self._known:
            self._known[key] = list(self._values(form, reader))
        return self._known[key]  # type: ignore[return-value]  # one reader, one type: the key holds it

    def _values(self, form: str, reader: Callable[[bytes], Value]) -> Iterator[tuple[CapturedFile, object]]:
        for file in self.forms.get(form, ()):
            try:
                yield file, _read(reader, file.data)
            except InputError as error:
                self.problems.append(Problem.of(file.path, error))
            except RecursionError:
                self.problems.append(Problem(file.path, 0, "nested too deeply", "the file is damaged or hostile"))

    def fact(self, file: CapturedFile, subject: str, predicate: str, object: str, **attributes: Scalar) -> Fact:
        """A fact with the file as its source."""
        return stamped(Fact(subject, predicate, object, attributes), file)

    def original(self, file: CapturedFile) -> str:
        """The absolute path that a file had on its host, as far as the capture kept it."""
        parts = PurePosixPath(file.path).parts
        if "hosts" in parts[:-2]:
            parts = parts[parts.index("hosts") + 2 :]
        roots = [at for at, part in enumerate(parts) if part in _ROOTS]
        return "/" + "/".join(parts[roots[0] :] if roots else parts)

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Accounts by name; the first line of a name counts, as in nsswitch."""
        if self._accounts is None:
            self._accounts = {}
            for _, rows in self.read("passwd", accounts_file.passwd):
                for row in rows:
                    self._accounts.setdefault(row.name, row)
        return self._accounts

    @property
    def groups(self) -> Mapping[str, Group]:
        """Groups by name."""
        if self._groups is None:
            self._groups = {}
            for _, rows in self.read("group", accounts_file.group):
                for row in rows:
                    self._groups.setdefault(row.name, row)
        return self._groups

    def members(self, group: str) -> list[str]:
        """Names of a group's members, those whose primary group it is included."""
        found = self.groups.get(group)
        if found is None:
            return []
        primary = [account.name for account in self.accounts.values() if account.gid == found.gid]
        return sorted({*found.members, *primary} - {"root"})

    def holders(self, file: CapturedFile, group: str) -> Iterator[tuple[str, Fact | None]]:
        """(identity, fact to say beside it) of everyone in a group: its members, or the group itself as a hub."""
        names = self.members(group)
        if names and len(names) <= SMALL_GROUP:
            yield from ((ids.identity(name), None) for name in names)
            return
        hub = ids.group(group)
        for name in names:
            yield hub, self.fact(file, ids.identity(name), "member_of", hub)
        if not names:
            yield hub, None


_ROOTS = (
    "home",
    "root",
    "etc",
    "users",
    "export",
    "mnt",
    "srv",
    "opt",
    "var",
    "usr",
    "scratch",
    "lustre",
    "gpfs",
    "nfs",
)
