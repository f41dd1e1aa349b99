"""Waves carried out: `ringfence harden` on each host over a command such as ssh, its health asked, its stand kept.

run.json ─▶ following ─▶ apply | judge | put back on these hosts, at once ─▶ run.json ─▶ …

Where each host stands is on disk after each step, so that a command that was cut off goes on; applying again does no
harm, since each host completes its own receipt. All receipts of a run have its id, so that nothing else is put back.
How fast jobs ran before is on disk before a host is touched: asked again after a cut, it would be taken of the change.
What a cut-off run still does on a host is waited for there.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec

from ringfence.app.harden import asked
from ringfence.app.harden.transport import SILENT, Told, Transport, end_all, processes
from ringfence.assess.harden.waves import Do, Rules, Stand, Step, following
from ringfence.errors import InputError, StateError, UsageError
from ringfence.store.journal import durable

__all__ = ["Host", "Run", "Settings", "Told", "Waves", "hosts_of", "processes"]

AT_ONCE = 32
MOST_HOSTS = 100_000
WAIT = 60.0
"""Seconds that a command on a host waits for another one there."""
_FOUND = 3


class Settings(msgspec.Struct, frozen=True):
    """How hosts are reached and judged.

    `reach`: words before a command on a host, `{host}` for its name (`ssh -o BatchMode=yes root@{host}`). `health`: a
    line of shell (`asked`) for the host, or here with `{host}`; it is well if that ends with 0. `step_time`: one that
    prints seconds per step, one number a line; the median may grow by `slower` (0.05: 5 %). `patience`: seconds that
    any of these commands may take.
    """

    reach: tuple[str, ...]
    only: tuple[str, ...] = ()
    health: str = ""
    step_time: str = ""
    slower: float = 0.05
    program: tuple[str, ...] = ("ringfence",)
    patience: float = 600.0


class Host(msgspec.Struct, frozen=True):
    """What is kept of one host. `pace`: seconds per step before anything was changed; 0: none, None: not asked yet."""

    stand: Stand
    why: str = ""
    pace: float | None = None


class Run(msgspec.Struct, frozen=True):
    """What is kept of a run: the id of its receipts on every host, and where each host stands."""

    receipt: str
    hosts: dict[str, Host] = {}


class Waves:
    """Hosts in waves. `file`: where each stands; made at the first step."""

    def __init__(
        self, hosts: Sequence[str], rules: Rules, settings: Settings, file: Path, transport: Transport
    ) -> None:
        self._rules, self._settings, self._file, self._transport = rules, settings, file, transport
        self._names = sorted(set(hosts))
        self._look()

    def _look(self) -> None:
        self._run = _read(self._file) or Run(secrets.token_hex(8))
        kept = self._run.hosts
        strange = sorted(set(kept) - set(self._names))
        if strange:
            what = f"{self._file} knows {strange[0]!r}, which is none of the hosts"
            raise UsageError(what, "name the same hosts, or another file for another run")
        self.hosts = {host: kept.get(host, Host(Stand.OLD)) for host in self._names}

    @property
    def receipt(self) -> str:
        """The id of the run's receipts on every host."""
        return self._run.receipt

    def following(self) -> Step:
        """The next step."""
        return following({name: host.stand for name, host in self.hosts.items()}, self._rules)

    def run(self) -> Iterator[Step]:
        """Step by step, each told when it is done, until it halts or is done. Raises `StateError`."""
        with _alone(self._file):
            self._look()
            _write(self._file, self._run.receipt, self.hosts)  # the id, before any host has it
            while (step := self.following()).do not in (Do.HALT, Do.DONE):
                if step.do is Do.APPLY and any(self.hosts[host].pace is None for host in step.hosts):
                    self._each(step.hosts, self._timed)
                    continue
                does = {Do.APPLY: self._apply, Do.JUDGE: self._judge, Do.PUT_BACK: self._put_back}[step.do]
                self._each(step.hosts, does)
                yield step
            yield step

    def _each(self, hosts: Sequence[str], does: Callable[[str], Host]) -> None:
        with ThreadPoolExecutor(AT_ONCE, "waves") as pool:
            try:
                self.hosts |= dict(zip(hosts, pool.map(does, hosts), strict=True))
            except BaseException:  # Ctrl-C does not reach commands that have a session of their own
                pool.shutdown(wait=False, cancel_futures=True)
                end_all()
                raise
        _write(self._file, self._run.receipt, self.hosts)

    def _timed(self, host: str) -> Host:
        """How fast jobs run, before anything is touched."""
        was = self.hosts[host]
        pace = self._pace(host) if was.pace is None else was.pace
        if isinstance(pace, Told):
            return _bad(pace, Stand.SILENT if pace.status == SILENT else Stand.FAILED)
        return Host(Stand.OLD, pace=pace)

    def _apply(self, host: str) -> Host:
        only = [word for name in self._settings.only for word in ("--only", name)]
        words = ("harden", "apply", "--apply", "--json", *self._named, *self._patient, *only)
        told = self._there(host, (*self._settings.program, *words))
        if told.status in (0, _FOUND):
            return Host(Stand.APPLIED, pace=self.hosts[host].pace)
        return _bad(told, Stand.SILENT if told.status == SILENT else Stand.FAILED)

    def _judge(self, host: str) -> Host:
        was = self.hosts[host]
        if self._settings.health:
            told = self._asked(host, self._settings.health)
            if told.status:
                return msgspec.structs.replace(_bad(told, Stand.SICK), pace=was.pace)
        pace = self._pace(host)
        if isinstance(pace, Told):
            return msgspec.structs.replace(_bad(pace, Stand.SICK), pace=was.pace)
        if was.pace and not pace:
            return Host(Stand.SICK, f"no step time was told; a step took {was.pace:.3g} s before", was.pace)
        if was.pace and pace > was.pace * (1 + self._settings.slower):
            return Host(Stand.SICK, f"a step takes {pace:.3g} s, and took {was.pace:.3g} s before", was.pace)
        return Host(Stand.HEALTHY, pace=was.pace)

    def _put_back(self, host: str) -> Host:
        was = self.hosts[host]
        words = (
            *self._settings.program,
            "harden",
            "undo",
            self._run.receipt,
            "--if-there",
            "--apply",
            "--json",
            *self._patient,
        )
        told = self._there(host, words)
        if told.status == 0:
            return Host(Stand.BACK, was.why, was.pace)
        return Host(Stand.SILENT, f"not put back: {_last(told)}", was.pace)

    @property
    def _named(self) -> tuple[str, str]:
        return "--receipt", self._run.receipt

    @property
    def _patient(self) -> tuple[str, str]:
        return "--wait", f"{min(WAIT, self._settings.patience / 2):g}"

    def _pace(self, host: str) -> float | Told:
        """Median seconds per step; 0 where nobody asks."""
        if not self._settings.step_time:
            return 0.0
        told = self._asked(host, self._settings.step_time)
        if told.status:
            return told
        try:
            numbers = [float(word) for word in told.text.split()[:100_000]]
        except ValueError:
            return Told(1, "", "the step time is no number")
        well = [one for one in numbers if 0 < one < 1e9]
        return median(well) if well else 0.0

    def _asked(self, host: str, text: str) -> Told:
        return self._transport(asked.line(text, host, self._settings.reach), self._settings.patience)

    def _there(self, host: str, words: Sequence[str]) -> Told:
        return self._transport(asked.there(words, host, self._settings.reach), self._settings.patience)


def hosts_of(text: str) -> tuple[str, ...]:
    """Names, one a line; `#` begins a comment. Raises `InputError` for what could be read as an option of ssh."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("#")[0].strip()
        if name and not asked.is_name(name):
            raise InputError(f"{name[:60]!r} is no name of a host", line=number, remedy="one name a line")
        found += [name] if name else []
    if not 0 < len(found) <= MOST_HOSTS:
        raise InputError(f"{len(found)} hosts", remedy=f"name between 1 and {MOST_HOSTS}")
    return tuple(found)


def _bad(told: Told, stand: Stand) -> Host:
    return Host(stand, _last(told))


def _last(told: Told) -> str:
    said = (told.errors or told.text).strip().splitlines()
    return (said[0] if said else f"it ended with {told.status}")[:200]


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold a run. Raises `StateError` where another command does, or its folder cannot be written."""
    try:
        handle = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"{file} cannot be written: {error.strerror}", "name another file; the hosts stand") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StateError(f"another command carries out {file}", "wait until it has ended") from None
    try:
        yield
    finally:
        os.close(handle)


def _read(file: Path) -> Run | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Run)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StateError(f"{file} cannot be read: {error}", "restore it, or begin a run with another file") from None


def _write(file: Path, receipt: str, hosts: Mapping[str, Host]) -> None:
    try:
        durable.sync(
            durable.put(file.parent, file.name, msgspec.json.encode(Run(receipt, dict(hosts)), order="sorted"))
        )
    except OSError as error:
        raise StateError(f"{file} cannot be written: {error.strerror}", "name another file; the hosts stand") from None
