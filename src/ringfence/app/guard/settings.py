"""The guard's settings: `guard.toml` in its folder. Without the file, the defaults stand.

up_to = "isolate"                                # hardest grade that is done without a person
hosts_a_minute = 8
second_person_above = 16
protected = ["host:login*", "identity:root"]     # not cut without a person
never = ["host:sm*"]                             # not cut at all
hours = ["Mon-Fri 08:00-18:00 Europe/Zurich"]    # or "always"
keep = ["10.0.0.5"]                              # stays reachable for hosts that are cut off
witnesses = ["https://witness.example/log KEY"]  # who is sent each new head of the journal

[pages]                                          # who is woken, in this order
urls = ["https://pager.example/hook"]
secret = "/etc/ringfence/pages.key"
minutes = 10

`SETTINGS` has every setting with its meaning.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from ringfence.app import settings_file
from ringfence.app.guard.pages import Settings as Pages
from ringfence.app.guard.pages import check_secret
from ringfence.errors import InputError, UsageError
from ringfence.respond import limits
from ringfence.respond.limits import Limits
from ringfence.transport.witness import checked_address

FILE = "guard.toml"
MOST = 16
"""Witnesses, and addresses of pages, at most."""
SETTINGS: dict[str, str] = limits.SETTINGS | {
    "witnesses": "Who is sent each new head of the journal: `file:/path`, or `https://HOST/PREFIX` and its key.",
    "pages": "`urls` in the order of waking, `secret`, a private file that signs, `minutes` until the next is woken.",
}
"""Every setting of `guard.toml` with its meaning."""
_PAGE = "docs/design/respond.md"
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class Telling(msgspec.Struct, frozen=True):
    """Whom a running guard tells: the witnesses of its journal, and who is woken."""

    witnesses: tuple[str, ...] = ()
    pages: Pages = Pages()


class _File(Limits, frozen=True, forbid_unknown_fields=True):
    """All of the file. An address that may not be sent to is a `ValueError` when it is made."""

    witnesses: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=MOST)] = ()
    pages: Pages = Pages()

    def __post_init__(self) -> None:
        super().__post_init__()
        for one in self.witnesses:
            if not one.startswith("file:"):
                _checked("witnesses", one.strip().partition(" ")[0])
            elif not one.startswith("file:/"):
                raise ValueError(f"witnesses: {one[:200]!r} names no file: write file:/path")
        if len(self.pages.urls) > MOST:
            raise ValueError(f"pages: {len(self.pages.urls)} addresses, and {MOST} are woken")
        for url in self.pages.urls:
            _checked("pages", url)
        if not 0 < self.pages.minutes < 1e6:
            raise ValueError(f"pages: {self.pages.minutes} minutes is no time to wait for somebody")


def read(path: Path) -> Limits:
    """The limits in a file. Raises `InputError`, with the line where one is to blame."""
    whole = _whole(path)
    return Limits(**{name: getattr(whole, name) for name in Limits.__struct_fields__})


def of(folder: Path, named: Path | None = None) -> Limits:
    """The limits in the file that is named, else in the guard's folder, else the defaults. Raises `InputError`."""
    path = named or folder / FILE
    return read(path) if named or path.exists() else Limits()


def telling(folder: Path, named: Path | None = None) -> Telling:
    """Whom the same file has told. Raises `InputError`."""
    path = named or folder / FILE
    if not (named or path.exists()):
        return Telling()
    whole = _whole(path)
    return Telling(whole.witnesses, whole.pages)


def _whole(path: Path) -> _File:
    """All of the file; the secret that it names is looked at here, and not first when a guard begins at night."""
    whole = settings_file.read(path, _File, _PAGE)
    if whole.pages.secret:
        try:
            check_secret(Path(whole.pages.secret))
        except UsageError as error:
            raise InputError(f"{path}: pages: secret: {error.what}", remedy=error.remedy) from None
    return whole


def _checked(name: str, url: str) -> None:
    try:
        checked_address(url)
    except UsageError as error:  # the address itself may be a secret
        raise ValueError(f"{name}: {error.what}; {error.remedy}".rstrip("; ")) from None
