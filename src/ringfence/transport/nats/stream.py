"""One connection to JetStream: what was put is kept by a majority, and is read by position from any copy.

        put ──▶ leader of the stream ──▶ majority ──▶ its number        sent again under the same id until acknowledged
        after, last, at ◀── any replica                                 needs no leader: goes on through elections

Waits are short and bounded. The client's own defaults sit on a dead address for seconds; here an address has half a
second to answer, and a publish is sent again after half a second, or after 0.2 s when the server says that there is no
leader. What remains when a leader dies is the servers' election: 4 to 9 s, a constant of nats-server.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from ringfence.errors import StateError, UsageError
from ringfence.transport.nats.layout import EVENTS, Layout, Stream, nudge, stream_of

CONNECT = 0.5
"""Seconds that one address has to answer."""
PATIENCE = 0.5
"""Seconds after which what was not acknowledged is sent again."""
_PAUSE, _LONGEST = 0.05, 0.2
_UNTAKEN = "nothing was acknowledged; see that a majority of its servers runs, with room on their disks"
_SINGLE = 10074
"""`replicas > 1 not supported in non-clustered mode`."""
_WRONG_LAST = 10071
_FULL = (10023, 10047, 10077, 10028, 10002)
"""JetStream's error codes: insufficient resources or storage, the stream's or the account's limit."""
_NEVER = (10002, 10028, 10047)
"""Of these, what no wait mends when a stream is made: more than the server, or the account, may keep."""
_PLACES, _FOR_PLACES = 10005, 3.0
"""`no suitable peers`: seconds in which a cluster that just began learns what its servers have room for."""
_FULL_TEXT = ("no space left", "insufficient", "maximum bytes", "resource")


class Message(msgspec.Struct, frozen=True):
    """What was kept, with its number in the stream."""

    seq: int
    subject: str
    payload: bytes
    headers: Mapping[str, str]


class Conflict(StateError):
    """Somebody else has written this subject since it was read."""


class NoRoom(StateError):
    """The servers have no room for a stream. `lasting`: nor will they while they are set as they are."""

    lasting = True


class Troubles(msgspec.Struct):
    """What went wrong so far, counted: publishes sent again, refused for want of room, unanswered; lost connections."""

    again: int = 0
    full: int = 0
    away: int = 0
    disconnected: int = 0
    said: str = ""


class _Error(msgspec.Struct, frozen=True):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct, frozen=True):
    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


_answer = msgspec.json.Decoder(_Answer)


class Link:
    """A connection and its streams. One event loop; any number of tasks."""

    def __init__(self, client: Any, layout: Layout, troubles: Troubles) -> None:
        self.client, self.layout, self.troubles = client, layout, troubles

    @property
    def most(self) -> int:
        """The most bytes of a message's body, with room for its headers."""
        return int(self.client.max_payload) - 4096

    async def put(
        self,
        subject: str,
        payload: bytes,
        id: str,
        *,
        headers: Mapping[str, str] | None = None,
        expect: int | None = None,
        within: float | None = None,
    ) -> int:
        """Keep a message; its number, once a majority has it. The same id again, within minutes, is kept once.

        `expect` is the number of the subject's last message as the caller knows it, 0 for none: `Conflict` if there is
        a newer one. Raises `StateError` when `within` seconds have passed; the message may then be kept, or not.
        """
        head = {**(headers or {}), "Nats-Msg-Id": id}
        if expect is not None:
            head["Nats-Expected-Last-Subject-Sequence"] = str(expect)
        until = None if within is None else asyncio.get_running_loop().time() + within
        pause = _PAUSE
        while True:
            seq = await self._sent(subject, payload, head)
            if seq:
                await self._tell(subject, seq)
                return seq
            if until is not None and asyncio.get_running_loop().time() + pause > until:
                raise StateError(f"NATS did not take {subject}: {self.troubles.said}", _UNTAKEN)
            self.troubles.again += 1
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST)

    async def after(self, subject: str, seq: int) -> Message | None:
        """The first message on `subject` (`*` allowed) from number `seq` on. Raises `StateError`: no answer."""
        return await self._get(stream_of(subject), {"seq": seq, "next_by_subj": subject})

    async def last(self, subject: str) -> Message | None:
        """The newest message on a subject."""
        return await self._get(stream_of(subject), {"last_by_subj": subject})

    async def at(self, stream: str, seq: int) -> Message | None:
        """The message of this number."""
        return await self._get(stream, {"seq": seq})

    async def forget(self, stream: str, before: int) -> None:
        """Make room: remove what is older than a number."""
        body = msgspec.json.encode({"seq": before})
        await self._api(f"STREAM.PURGE.{stream}", body)

    async def purge_subject(self, subject: str) -> None:
        """Remove everything on a subject."""
        await self._api(f"STREAM.PURGE.{stream_of(subject)}", msgspec.json.encode({"filter": subject}))

    async def say(self, subject: str, payload: bytes) -> None:
        """Tell whoever listens just now; nothing is kept."""
        with contextlib.suppress(*_errors()):
            await self.client.publish(subject, payload)

    async def hear(self, subject: str, heard: Any) -> Any:
        """Call `heard(message)`, a coroutine function, for all that is said on a subject from now on."""
        return await self.client.subscribe(subject, cb=heard)

    async def unhear(self, listening: Any) -> None:
        """No more of what `hear` gave."""
        with contextlib.suppress(*_errors()):
            await listening.unsubscribe()

    async def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(*_errors()):
            await asyncio.wait_for(self.client.close(), 2)

    async def _tell(self, subject: str, seq: int) -> None:
        if not subject.startswith("rf.state."):
            await self.say(nudge(subject), b"%d" % seq)

    async def _sent(self, subject: str, payload: bytes, head: dict[str, str]) -> int:
        """One try: its number, or 0 where it must be tried again."""
        try:
            answer = await self.client.request(subject, payload, timeout=PATIENCE, headers=head)
        except _errors() as error:
            self.troubles.away += 1
            self.troubles.said = str(error) or type(error).__name__
            return 0
        said = _answer.decode(answer.data)
        if said.error is None:
            return said.seq
        self.troubles.said = said.error.description
        if said.error.err_code == _WRONG_LAST:
            raise Conflict(f"{subject} was written by another process")
        if said.error.err_code in _FULL or any(one in said.error.description.lower() for one in _FULL_TEXT):
            self.troubles.full += 1
        return 0

    async def _get(self, stream: str, question: dict[str, Any]) -> Message | None:
        try:
            found = await self.client.request(
                f"$JS.API.DIRECT.GET.{stream}", msgspec.json.encode(question), timeout=PATIENCE
            )
        except _errors() as error:
            self.troubles.away += 1
            self.troubles.said = str(error) or type(error).__name__
            raise StateError(f"NATS does not answer for {stream}", "see that a majority of its servers runs") from None
        headers = found.headers or {}
        status = headers.get("Status")
        if status == "404":
            return None
        if status:
            raise StateError(f"NATS: {headers.get('Description', status)}")
        return Message(int(headers["Nats-Sequence"]), headers["Nats-Subject"], found.data, headers)

    async def _api(self, what: str, body: bytes) -> bytes:
        try:
            found = await self.client.request(f"$JS.API.{what}", body, timeout=4 * PATIENCE)
        except _errors() as error:
            raise StateError(f"NATS does not answer {what}: {error or type(error).__name__}") from None
        return bytes(found.data)


@contextlib.asynccontextmanager
async def connected(
    urls: Sequence[str],
    layout: Layout | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    credentials: str | None = None,
    within: float = 15.0,
) -> AsyncIterator[Link]:
    """A connection for the length of the block; streams that are not there are made.

    Raises `StateError` when no server answers, or no leader is elected, `within` seconds.
    """
    troubles = Troubles()
    client = await _dialled(urls, troubles, within, tls, credentials)
    link = Link(client, layout or Layout(), troubles)
    try:
        link.layout = await _agreed(link, within)
        yield link
    finally:
        await link.close()


async def _dialled(
    urls: Sequence[str], troubles: Troubles, within: float, tls: ssl.SSLContext | None, credentials: str | None
) -> Any:
    import nats

    async def failed(error: Exception) -> None:
        troubles.said = str(error) or type(error).__name__

    async def lost() -> None:
        troubles.disconnected += 1

    options: dict[str, Any] = {"tls": tls} if tls else {}
    if credentials:
        options["user_credentials"] = credentials
    try:
        return await asyncio.wait_for(
            nats.connect(
                list(urls),
                connect_timeout=CONNECT,
                reconnect_time_wait=_PAUSE,
                max_reconnect_attempts=-1,
                ping_interval=1,
                max_outstanding_pings=3,
                pending_size=64 << 20,
                error_cb=failed,
                disconnected_cb=lost,
                **options,
            ),
            within,
        )
    except _errors() as error:
        said = troubles.said or str(error)
        raise StateError(f"no NATS server answers at {', '.join(urls)}: {said}", "start one, or name another") from None


async def _agreed(link: Link, within: float) -> Layout:
    """The layout as it is: the partitions are those of the stream that is there."""
    began = asyncio.get_running_loop().time()
    partitions = link.layout.partitions
    for stream in link.layout.streams:
        while True:
            try:
                described = await _made(link, stream)
                break
            except StateError as error:
                waited = asyncio.get_running_loop().time() - began
                if waited > _patience(error, within):
                    raise
                link.troubles.said = error.what
                await asyncio.sleep(2 * _PAUSE)
        if stream.name == EVENTS:
            partitions = _partitions(described)
    return msgspec.structs.replace(link.layout, partitions=partitions)


def _patience(error: StateError, within: float) -> float:
    """Seconds for which it is tried again."""
    if not isinstance(error, NoRoom):
        return within
    return 0.0 if error.lasting else min(within, _FOR_PLACES)


def _partitions(described: str) -> int:
    name, _, value = described.partition("=")
    if name != "partitions" or not value.isdigit() or not int(value):
        raise UsageError(f"the stream {EVENTS} is not ours: {described!r}", "name another NATS account")
    return int(value)


async def _made(link: Link, stream: Stream, replicas: int = 0) -> str:
    """The description of a stream, which is made if it is not there."""
    replicas = replicas or link.layout.replicas
    known = msgspec.json.decode(await link._api(f"STREAM.INFO.{stream.name}", b""))
    if "config" in known:
        if not known.get("cluster", {"leader": "one"}).get("leader"):
            raise StateError(f"{stream.name} has no leader")
        return str(known["config"].get("description", ""))
    config = {
        "name": stream.name,
        "description": f"partitions={link.layout.partitions}",
        "subjects": stream.subjects,
        "retention": "limits",
        "storage": "file",
        "num_replicas": replicas,
        "max_bytes": stream.bytes,
        "max_msgs": -1,
        "max_consumers": -1,
        "max_age": 0,
        "max_msgs_per_subject": stream.last or -1,
        "discard": "new",
        "duplicate_window": 120 * 10**9,
        "allow_direct": True,
    }
    said = msgspec.json.decode(await link._api(f"STREAM.CREATE.{stream.name}", msgspec.json.encode(config)))
    error = said.get("error")
    if error and error.get("err_code") == _SINGLE and replicas > 1:
        return await _made(link, stream, 1)
    if not error:
        raise StateError(f"{stream.name} waits for its leader")
    what = f"making {stream.name}: {error['description']}"
    total = sum(one.bytes for one in link.layout.streams) >> 20
    room = f"the streams take {total:,} MiB of each server: raise its max_file_store, or say less (--nats-storage MIB)"
    code = error.get("err_code")
    if code in _NEVER or (code == _PLACES and "storage" in error["description"]):
        refused = NoRoom(what, room)
        refused.lasting = code != _PLACES
        raise refused
    raise StateError(what, room)


def _errors() -> tuple[type[BaseException], ...]:
    """What the client raises when a server does not answer."""
    import nats.errors

    return (nats.errors.Error, OSError)  # TimeoutError is an OSError
