"""Target `keys`: public keys that sshd refuses, by a revocation list of ours (ssh-keygen(1), "KEY REVOCATION LISTS").

        document ─▶ `ssh-keygen -k` ─▶ list in place ─▶ drop-in `RevokedKeys <list>` ─▶ `sshd -t` ─▶ SIGHUP
                                          before the drop-in: sshd refuses every key while it cannot read the list

Keys stand on the list by their fingerprints, so that one which is no key cannot spoil it. sshd reads the list at each
login, so a change of it alone needs no SIGHUP. `RevokedKeys` holds one file: if the site has its own, our list begins
with what stands in that one, and is to be made again when that one changes. `read` asks `ssh-keygen -Q` about the list
and `sshd -T` about the configuration; the file beside them only says how keys are called.
"""

import binascii
import hashlib
import os
import re
import tempfile
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path

from ringfence.enforce import files
from ringfence.enforce.contain_parts import NOTHING
from ringfence.enforce.ssh import Sshd, listening_sockets
from ringfence.errors import EnforceError, InputError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import Keys, decode, encode

MOST = 10_000
PATIENCE = 5.0
"""Seconds that sshd may take to begin anew after SIGHUP."""

_HEAD = "# written by Ringfence: keys that are revoked because of an incident\n"
_THEIRS = re.compile(r"^# in place of (/[^\n]{1,4000})$", re.MULTILINE)
_KEY = re.compile(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]{1,60} [A-Za-z0-9+/]{20,}={0,2}(?: [^\n\r]*)?\Z")
_LISTED = re.compile(r"^hash: SHA256:(\S{43,64})", re.MULTILINE)
_SAID = re.compile(r"^revokedkeys (.{1,4000})$", re.MULTILINE)


class RevokedKeys:
    """One listening sshd. `main` includes `drop_in`, which is ours alone, as is `revoked`, the list's file."""

    target = "keys"

    def __init__(
        self, where: str, main: Path, drop_in: Path, revoked: Path, pid: int, program: str = "/usr/sbin/sshd"
    ) -> None:
        self.where = where
        self._main, self._drop_in, self._list, self._pid, self._program = main, drop_in, revoked, pid, program
        self._memory = revoked.with_name(f"{revoked.name}.json")
        self._sshd = Sshd(where, main, drop_in, pid, program)

    def read(self) -> str:
        """The document (`wire.contain.Keys`) of the keys that are really on the list that sshd uses; "" for none.

        Raises `EnforceError` where the site's own list changed after ours was made of it.
        """
        ours = files.text(self._drop_in)
        if not ours or self._used() != str(self._list) or not self._list.exists():
            return ""
        theirs = _theirs(ours)
        if theirs is not None and _changed(theirs) > _changed(self._list):
            raise EnforceError(f"{theirs} has changed since {self._list} was made", "put the keys in force again")
        there = self._prints(self._list)
        wanted = self._wanted()
        found = [line for line in wanted.revoked if fingerprint(line) in there]
        known = {fingerprint(line) for line in wanted.revoked}
        known |= self._prints(theirs) if theirs is not None else frozenset()
        return encode(Keys((*found, *sorted(there - known))))

    def apply(self, artefact: Artefact) -> None:
        """Have sshd refuse the document's keys, and no others of ours. Raises `EnforceError`: nothing was changed."""
        self.restore(artefact.text)

    def restore(self, before: str) -> None:
        """The same with what `read` gave; "" takes the list and the drop-in away."""
        wanted = _decoded(before)
        if not wanted.revoked:
            self._take_away()
            return
        ours = files.text(self._drop_in)
        theirs = _theirs(ours) if ours else self._site()
        made = self._made(wanted, theirs)
        list_before = self._list.read_bytes() if self._list.exists() else b""
        memory_before = files.text(self._memory)
        files.replace(self._memory, encode(wanted))
        _put(self._list, made)
        text = f"{_HEAD}{f'# in place of {theirs}' if theirs else '# the site has none'}\nRevokedKeys {self._list}\n"
        try:
            if ours != text:
                self._announce(text)
            if self._used() != str(self._list):
                raise EnforceError(
                    f"{self._main} does not take {self._drop_in} into account",
                    f"it has to begin with `Include {self._drop_in.parent}/*.conf`",
                )
        except EnforceError:
            if files.text(self._drop_in) != ours:
                self._announce(ours)  # where this fails too the list stays: without it sshd refuses every key
            _put(self._list, list_before)
            files.replace(self._memory, memory_before)
            raise

    def _take_away(self) -> None:
        """The drop-in first: a configuration that names a list which is gone refuses every key."""
        if files.text(self._drop_in):
            self._announce("")
        files.replace(self._list, "")
        files.replace(self._memory, "")

    def _announce(self, text: str) -> None:
        """Replace the drop-in, and wait until the listening sshd has begun anew with it."""
        was = listening_sockets(self._pid)
        self._sshd.restore(text)
        limit = time.monotonic() + (PATIENCE if was else 0)
        while time.monotonic() < limit:
            now = listening_sockets(self._pid)
            if now and not now & was:
                return
            time.sleep(0.005)
        if not was:  # it listens on nothing itself: each connection gets a new one
            return
        raise EnforceError(f"sshd {self._pid} has not begun anew within {PATIENCE:g} s", left=(str(self._drop_in),))

    def _made(self, wanted: Keys, theirs: Path | None) -> bytes:
        """The list as bytes: the site's keys first, then ours."""
        with tempfile.TemporaryDirectory(prefix="ringfence-keys-") as folder:
            made, words = Path(folder, "list"), Path(folder, "words")
            words.write_text("".join(f"hash: {fingerprint(line)}\n" for line in wanted.revoked), encoding="utf-8")
            update: list[str] = []
            if theirs is not None:
                update = self._begun(theirs, made)
            files.run(["ssh-keygen", "-q", "-k", *update, "-f", str(made), str(words)])
            return made.read_bytes()

    def _begun(self, theirs: Path, made: Path) -> list[str]:
        """Begin with the site's own: a revocation list, or a plain list of keys (sshd_config(5), RevokedKeys)."""
        try:
            content = theirs.read_bytes()
        except OSError as error:
            raise EnforceError(f"the site's revoked keys cannot be read: {theirs}: {error.strerror}", NOTHING) from None
        if content.startswith(b"SSHKRL\n"):
            made.write_bytes(content)
        else:
            files.run(["ssh-keygen", "-q", "-k", "-f", str(made), str(theirs)])
        return ["-u"]

    def _prints(self, path: Path) -> frozenset[str]:
        """Fingerprints on a list, as ssh-keygen reads it; of a plain list of keys, computed."""
        if not path.read_bytes().startswith(b"SSHKRL\n"):
            return frozenset(filter(None, map(fingerprint, files.text(path).splitlines())))
        listing = files.run(["ssh-keygen", "-Q", "-l", "-f", str(path)])
        return frozenset(map(_as_written, _LISTED.findall(listing)))

    def _used(self) -> str:
        """The list that the configuration names, `none` where it names none."""
        said = _SAID.search(files.run([self._program, "-T", "-f", str(self._main)]))
        return said[1] if said else "none"

    def _site(self) -> Path | None:
        used = self._used()
        return None if used in ("none", str(self._list)) else Path(used)

    def _wanted(self) -> Keys:
        try:
            return decode(files.text(self._memory), Keys)
        except (InputError, EnforceError):  # the list itself tells
            return Keys()


def fingerprint(line: str) -> str:
    """`SHA256:…` of a public key, or of what is one already; "" of anything else."""
    if line.startswith("SHA256:"):
        with suppress(binascii.Error, ValueError):
            return line if len(b64decode(line[7:] + "=", validate=True)) == 32 else ""
        return ""
    if not _KEY.match(line):
        return ""
    try:
        blob = b64decode(line.split()[1], validate=True)
    except (binascii.Error, ValueError):
        return ""
    return _written(hashlib.sha256(blob).digest())


def _written(digest: bytes) -> str:
    return "SHA256:" + b64encode(digest).decode().rstrip("=")


def _as_written(listed: str) -> str:
    """ssh-keygen lists keys by base64, and what was given as a hash by hexadecimal digits."""
    return _written(bytes.fromhex(listed)) if len(listed) == 64 else f"SHA256:{listed}"


def _decoded(text: str) -> Keys:
    """The document, less the lines that are neither key nor fingerprint: they stop no other."""
    try:
        wanted = decode(text, Keys)
    except InputError as error:
        raise EnforceError(error.what, NOTHING) from None
    if len(wanted.revoked) > MOST:
        raise EnforceError(f"more than {MOST} keys to be revoked", NOTHING)
    return Keys(tuple(line for line in wanted.revoked if fingerprint(line)))


def _theirs(drop_in: str) -> Path | None:
    found = _THEIRS.search(drop_in)
    return Path(found[1]) if found else None


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _put(path: Path, content: bytes) -> None:
    """Replace a file atomically and on disk; nothing takes it away."""
    if not content:
        files.replace(path, "")
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise EnforceError(f"{path} cannot be written: {error}", NOTHING) from error
