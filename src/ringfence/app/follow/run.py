"""The follower wired together: `ringfence fence follow`, beside the order server, until SIGTERM.

estate ─▶ Standing          squeue ─▶ settle every few seconds ─┐
follow.sock ─▶ started, ended ─────────────────────────────────▶ Follow ─▶ control.sock of the order server
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from ringfence.app.follow.fabrics import managers_of
from ringfence.app.follow.follow import Follow
from ringfence.app.follow.orders import Orders
from ringfence.app.follow.settings import Settings
from ringfence.app.follow.socket import JobSocket
from ringfence.app.follow.standing import Standing
from ringfence.app.follow.sweeps import Sweeps
from ringfence.app.orders.control import ControlClient
from ringfence.collect.base import Scope
from ringfence.collect.slurm_state import Place
from ringfence.enforce import files
from ringfence.errors import EnforceError, InputError, RingfenceError, UsageError
from ringfence.estate.estate import Estate
from ringfence.segment.overrides import Override, read_overrides
from ringfence.store.saved import load
from ringfence.wire import jobs
from ringfence.wire.hooks import Answer
from ringfence.wire.jobs import Request, Seen


def start(folder: Path, estate: Path, settings: Settings) -> None:
    """Follow until SIGTERM or SIGINT. Raises `UsageError`, `InputError`, `EstateError`, `EnforceError`."""
    alone = lock(folder)
    try:
        with following(folder, load(estate), settings) as follow:
            asyncio.run(_run(settings, follow))
    finally:
        os.close(alone)


@contextlib.contextmanager
def following(folder: Path, estate: Estate, settings: Settings) -> Iterator[Follow]:
    """A `Follow` of these settings, whose orders go to the server of `folder`."""
    standing = Standing(estate, [one.name for one in settings.fabric], list(decided(settings)))
    with contextlib.ExitStack() as stack:
        managers = [stack.enter_context(one) for one in managers_of(settings, standing.inventory)]
        sweeps = Sweeps(managers, standing.now)
        orders = Orders(ControlClient(folder).send)
        place = Place(Scope(settings.cluster, settings.site), settings.cluster)
        follow = Follow(standing, place, orders, sweeps, settings.targets, settings.deadline, say)
        stack.callback(follow.close)
        yield follow


def decided(settings: Settings) -> Iterator[Override]:
    """The overrides of the files that the settings name. Raises `InputError` with file and line."""
    for name in settings.overrides:
        try:
            yield from read_overrides(Path(name).read_text("utf-8"), name)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{name}: {error}") from None


def running(settings: Settings) -> dict[str, Seen]:
    """The jobs that hold nodes now. Raises `EnforceError` where the scheduler does not answer, or `InputError`."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
    env |= {"SLURM_CONF": settings.slurm_conf} if settings.slurm_conf else {}
    return jobs.running(files.run([settings.squeue, "--json"], env=env).encode())


def settle(follow: Follow, settings: Settings) -> str:
    """Compare with the scheduler and correct; why it could not be done, or ""."""
    asked_at = time.time()
    try:
        follow.settle(running(settings), asked_at)
    except RingfenceError as error:
        return error.what
    return ""


def answerer(follow: Follow) -> Callable[[Request], Answer]:
    """What carries out one request of the socket."""

    def do(asked: Request) -> Answer:
        begin = time.monotonic()
        if asked.verb == "started":
            answer = follow.started(jobs.of_request(asked), asked.deadline)
        elif asked.verb == "ended":
            answer = follow.ended(asked.job)
        else:
            return Answer("done", msgspec.json.encode(follow.status()).decode()[:100_000])
        say(f"{asked.verb} {asked.job}: {answer.verdict}: {answer.why}; {1000 * (time.monotonic() - begin):.1f} ms")
        return answer

    return do


async def _run(settings: Settings, follow: Follow) -> None:
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    async with JobSocket(Path(settings.socket), answerer(follow), settings.masters()):
        say(f"jobs of {settings.cluster} on {settings.socket}")
        looking = asyncio.create_task(_look(settings, follow))
        await asyncio.wait([looking, asyncio.create_task(done.wait())], return_when=asyncio.FIRST_COMPLETED)
        looking.cancel()
        if looking.done() and not looking.cancelled() and (failed := looking.exception()):
            raise failed


async def _look(settings: Settings, follow: Follow) -> None:
    """Every few seconds the scheduler; once in a while everything."""
    proven, silent = 0.0, ""
    while True:
        why = await asyncio.to_thread(settle, follow, settings)
        if why != silent:
            say(f"the scheduler does not answer, nothing is corrected: {why}" if why else "the scheduler answers")
            silent = why
        if not why and time.monotonic() - proven > settings.whole_every:
            proven = time.monotonic()
            await asyncio.to_thread(_whole, follow)
        await asyncio.sleep(settings.every)


def _whole(follow: Follow) -> None:
    try:
        left = follow.whole()
    except EnforceError as error:
        say(f"what everyone is to hold was not ordered: {error.what}")
        return
    say("everything is proven and in force" if not left else f"{len(left)} places did not follow: {left[0]}")


def lock(folder: Path, name: str = ".follow.lock") -> int:
    """One follower of a kind for one server. Raises `UsageError`."""
    try:
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", "name the folder of `ringfence enrol init`") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise UsageError(f"another follower runs on {folder}", "one follower per server") from None
    return handle


def say(what: str) -> None:
    """One line of the process's log: standard error, for systemd's journal."""
    sys.stderr.write(msgspec.json.encode({"at": round(time.time(), 3), "follow": what}).decode() + "\n")
    sys.stderr.flush()
