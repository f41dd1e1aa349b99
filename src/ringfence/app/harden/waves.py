"""Waves carried out: `ringfence harden` on each host over a command such as ssh, its health asked, its stand kept.

run.json ─▶ following ─▶ apply | judge | put back on these hosts, at once ─▶ run.json ─▶ …

Where each host stands is on disk after each step, so that a command that was cut off goes on; applying again does no
harm, since each host completes its own receipt. All receipts of a run have its id, so that nothing else is put back.
"""

import secrets
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import msgspec

from ringfence.assess.harden.waves import Do, Rules, Stand, Step, following
from ringfence.errors import InputError, StateError, UsageError
from ringfence.store.journal import durable

AT_ONCE = 32
MOST_HOSTS = 100_000
_FOUND = 3


class Settings(msgspec.Struct, frozen=True):
    """How hosts are reached and judged.

    `reach`: words before a command on a host, `{host}` for its name (`ssh -o BatchMode=yes root@{host}`). `health`:
    words of a command on the host, or here with `{host}`; it is well if it ends with 0. `step_time`: words of a command
    on the host that prints seconds per step, one number a line; the median may grow by `slower` (0.05: 5 %).
    """

    reach: tuple[str, ...]
    only: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    step_time: tuple[str, ...] = ()
    slower: float = 0.05
    program: tuple[str, ...] = ("ringfence",)
    patience: float = 600.0


class Host(msgspec.Struct, frozen=True):
    """What is kept of one host. `pace`: seconds per step before anything was changed; 0: not known."""

    stand: Stand
    why: str = ""
    pace: float = 0.0


class Run(msgspec.Struct, frozen=True):
    """What is kept of a run: the id of its receipts on every host, and where each host stands."""

    receipt: str
    hosts: dict[str, Host] = {}


class Told(msgspec.Struct, frozen=True):
    """What a host answered."""

    status: int
    text: str
    errors: str


Transport = Callable[[Sequence[str], float], Told]


def processes(argv: Sequence[str], patience: float) -> Told:
    """Run a command of this machine."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=patience, check=False, errors="replace",
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Told(255, "", f"no answer within {patience:g} s")
    except OSError as error:
        return Told(255, "", f"{argv[0]}: {error.strerror}")
    return Told(done.returncode, done.stdout, done.stderr)


class Waves:
    """Hosts in waves. `file`: where each stands; made at the first step."""

    def __init__(
        self, hosts: Sequence[str], rules: Rules, settings: Settings, file: Path, transport: Transport
    ) -> None:
        self._rules, self._settings, self._file, self._transport = rules, settings, file, transport
        self._run = _read(file) or Run(secrets.token_hex(8))
        kept = self._run.hosts
        strange = sorted(set(kept) - set(hosts))
        if strange:
            what = f"{file} knows {strange[0]!r}, which is none of the hosts"
            raise UsageError(what, "name the same hosts, or another file for another run")
        self.hosts = {host: kept.get(host, Host(Stand.OLD)) for host in sorted(set(hosts))}

    def following(self) -> Step:
        """The next step."""
        return following({name: host.stand for name, host in self.hosts.items()}, self._rules)

    def run(self) -> Iterator[Step]:
        """Step by step, each told when it is done, until it halts or is done."""
        _write(self._file, self._run.receipt, self.hosts)  # the id, before any host has it
        while (step := self.following()).do not in (Do.HALT, Do.DONE):
            does = {Do.APPLY: self._apply, Do.JUDGE: self._judge, Do.PUT_BACK: self._put_back}[step.do]
            with ThreadPoolExecutor(AT_ONCE, "waves") as pool:
                self.hosts |= dict(zip(step.hosts, pool.map(does, step.hosts), strict=True))
            _write(self._file, self._run.receipt, self.hosts)
            yield step
        yield step

    def _apply(self, host: str) -> Host:
        pace = self._pace(host)
        if isinstance(pace, Told):
            return _bad(pace, Stand.SILENT if pace.status == 255 else Stand.FAILED)
        only = [word for name in self._settings.only for word in ("--only", name)]
        told = self._there(host, (*self._settings.program, "harden", "apply", "--apply", "--json", *self._named, *only))
        if told.status in (0, _FOUND):
            return Host(Stand.APPLIED, pace=pace)
        return _bad(told, Stand.SILENT if told.status == 255 else Stand.FAILED)

    def _judge(self, host: str) -> Host:
        was = self.hosts[host]
        if self._settings.health:
            told = self._asked(host, self._settings.health)
            if told.status:
                return msgspec.structs.replace(_bad(told, Stand.SICK), pace=was.pace)
        pace = self._pace(host)
        if isinstance(pace, Told):
            return msgspec.structs.replace(_bad(pace, Stand.SICK), pace=was.pace)
        if was.pace and pace > was.pace * (1 + self._settings.slower):
            return Host(Stand.SICK, f"a step takes {pace:.3g} s, and took {was.pace:.3g} s before", was.pace)
        return Host(Stand.HEALTHY, pace=was.pace)

    def _put_back(self, host: str) -> Host:
        was = self.hosts[host]
        words = (*self._settings.program, "harden", "undo", self._run.receipt, "--apply", "--json")
        told = self._there(host, words)
        if told.status == 0:
            return Host(Stand.BACK, was.why, was.pace)
        return Host(Stand.SILENT, f"not put back: {_last(told)}", was.pace)

    @property
    def _named(self) -> tuple[str, str]:
        return "--receipt", self._run.receipt

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

    def _asked(self, host: str, words: Sequence[str]) -> Told:
        """Here if the command names the host itself, else there."""
        if any("{host}" in word for word in words):
            return self._transport([word.replace("{host}", host) for word in words], self._settings.patience)
        return self._there(host, words)

    def _there(self, host: str, words: Sequence[str]) -> Told:
        """The far shell reads one line, so each word is quoted for it."""
        reach = [word.replace("{host}", host) for word in self._settings.reach]
        return self._transport([*reach, shlex.join(words)], self._settings.patience)


def hosts_of(text: str) -> tuple[str, ...]:
    """Names, one a line; `#` begins a comment. Raises `InputError` for what could be read as an option of ssh."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("#")[0].strip()
        if name and (name.startswith("-") or not all(sign.isalnum() or sign in "._-:%" for sign in name)):
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
