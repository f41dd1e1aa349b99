"""The process that holds the enforcers' connections. One event loop; ten thousand hosts are the design's size.

        stranger ─ Join ─▶ token used up, key enrolled, certificate ─▶ end
        node ──── Hello ─▶ key good? another session alive? ─▶ Welcome ─▶ what differs from the desired is ordered
                                                                          receipts come, beats are answered

A node is who its certificate and the enrolment say. What it reports can only concern its own host; what
it tries beyond that is counted and journalled.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ringfence.app.orders.home import ServerHome
from ringfence.app.orders.issuer import LIFE, Issuer, order_of
from ringfence.app.orders.joining import Joining
from ringfence.app.orders.recorder import Answer, Foreign, Recorder
from ringfence.errors import EnforceError, InputError, StateError
from ringfence.store.ledger import Desired
from ringfence.store.state import enrolments
from ringfence.store.state import orders as numbering
from ringfence.transport import signing, tls
from ringfence.transport.authority import Holder
from ringfence.transport.listen import Listener
from ringfence.transport.peer import ConnectionEnded, Peer, expect
from ringfence.wire import channel, orders
from ringfence.wire.channel import Beat, Give, Hello, Join, Noted, Refused, Report, Took, Welcome
from ringfence.wire.orders import Order, Receipt

HEARTBEAT = 15.0
"""Seconds between a node's signs of life; three missed ones end its connection."""
ALIVE = 5.0
"""Seconds that a session has to show that it lives, when its host connects once more."""
AT_ONCE = 256
"""Orders that are being written at the same time: bounds what artefacts cost in memory."""


class Answered(NamedTuple):
    """A host's receipt, and the read-back whose digest it has ("" too where that is too long to send)."""

    receipt: Receipt
    text: str


class Session:
    """One connected host. `strays` are slots that it holds and that nobody here asked for: told, never removed.

    `targets` are what it can be ordered to change, None where it did not say; `lacking` what it should and cannot.
    """

    def __init__(self, holder: Holder, peer: Peer, targets: Sequence[str] | None = None) -> None:
        self.holder, self.peer = holder, peer
        self.since = int(time.time())
        self.sending = asyncio.Lock()
        self.strays: tuple[channel.Slot, ...] = ()
        self.targets = targets
        self.lacking: tuple[str, ...] = ()

    def lacks(self, target: str) -> bool:
        """Whether an order for this target would be refused whatever it says."""
        return self.targets is not None and target not in self.targets


class OrderServer:
    """`async with OrderServer.serving(home, address) as server:`; `noted` is told (host, what, job) by nodes' hooks."""

    def __init__(self, home: ServerHome, noted: Callable[[str, str, str], None] | None = None) -> None:
        self._home, self._noted, self._key = home, noted, home.order_key()
        self._state, self._ledger, self._journal = home.state(), home.ledger(), home.journal()
        self._issuer = Issuer(self._state, self._ledger, self._key)
        self._recorder = Recorder(self._ledger, self._journal, home.about.service)
        self._joining = Joining(home, self._state, self._ledger)
        self._sessions: dict[str, Session] = {}
        self._doors: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, asyncio.Future[Answered]] = {}
        self._width = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self.heartbeat, self.alive = HEARTBEAT, ALIVE
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def serving(
        cls, home: ServerHome, address: tuple[str, int], noted: Callable[[str, str, str], None] | None = None
    ) -> AsyncIterator["OrderServer"]:
        """A server that listens while the block runs. Raises `UsageError`, `StateError`."""
        server = cls(home, noted)
        folder = home.folder
        context = tls.server_context(folder / "server.pem", folder / "server.key", folder / "authority.pem")
        with closing(server._state), closing(server._ledger), server._journal:
            async with server._issuer, server._recorder, Listener(address, context, server._serve, Peer) as listener:
                server.port = listener.port
                yield server
                for task in server._tasks:
                    task.cancel()

    @property
    def connected(self) -> dict[str, Session]:
        """Sessions by host."""
        return dict(self._sessions)

    def counted(self) -> dict[tuple[str, str], int]:
        """What hosts did without an order, connected or not: by host and `foreign` or `mended`."""
        return self._ledger.counted()

    def desire(self, wanted: Sequence[Desired]) -> None:
        """Keep what slots are to hold, all or none; hosts get it with `order`, or when they connect.

        Raises `EnforceError` for what no enforcer would take.
        """
        for one in wanted:
            _check(one)
        self._ledger.desire([one for one in wanted if one.action != "read"])

    async def send(self, wanted: Desired, timeout: float = 30.0) -> Answered:
        """`desire` and `order` for one slot."""
        self.desire([wanted])
        return await self.order(wanted, timeout)

    async def order(self, wanted: Desired, timeout: float = 30.0) -> Answered:
        """Order it now and wait for the host's receipt, whatever its outcome.

        Raises `EnforceError` where the host is not connected or does not answer in time. What is desired stays so.
        """
        session = self._sessions.get(wanted.host)
        if session is None:
            remedy = "start its enforcer; what is desired is kept until it connects"
            raise EnforceError(f"{wanted.host} is not connected", remedy)
        try:
            async with asyncio.timeout(timeout):
                return await self._order(session, wanted)
        except TimeoutError:
            why = f"no receipt from {wanted.host} in {timeout:g} s"
            raise EnforceError(why, "it counts when it comes; the host's log may tell", (wanted.target,)) from None
        except ConnectionEnded as error:
            raise EnforceError(f"{wanted.host}: {error}", "what is desired is kept until it connects") from None

    async def _order(self, session: Session, wanted: Desired) -> Answered:
        async with session.sending:
            answer = await self._give(session, wanted)
        answered = await answer
        if wanted.action == "remove" and answered.receipt.outcome == "applied":
            self._ledger.settled(wanted.host, wanted.target, wanted.job)
        return answered

    async def _give(self, session: Session, wanted: Desired) -> asyncio.Future[Answered]:
        """Put an order on the wire; whoever calls holds `session.sending`, so that sequences go in their order."""
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        async with self._width:
            order, envelope = await self._issuer(wanted)
            self._waiting[order.id] = future
            future.add_done_callback(lambda _: self._waiting.pop(order.id, None))
            asyncio.get_running_loop().call_later(2 * LIFE, future.cancel)  # nobody waits for ever
            try:
                await session.peer.send(Give(envelope, wanted.text))
            except BaseException:
                future.cancel()
                raise
        return future

    async def _serve(self, peer: Peer, known: Callable[[], None]) -> None:
        holder = peer.holder()
        greeting = expect(await peer.receive(tls.HANDSHAKE, channel.LONGEST_GREETING), Join, Hello)
        if isinstance(greeting, Join):
            await peer.send(self._joining.join(greeting, holder))
            return
        assert isinstance(greeting, Hello)
        why = self._unwelcome(holder, greeting)
        if holder and greeting.host != holder.host:
            await self._foreign(holder, f"hello of {greeting.host}")
        if why or holder is None:
            await peer.send(Refused(why))
            return
        known()
        await self._session(holder, peer, greeting)

    def _unwelcome(self, holder: Holder | None, hello: Hello) -> str:
        if holder is None:
            return "no certificate: join first"
        if hello.version != channel.VERSION:
            return f"version {hello.version} of the channel, this server speaks {channel.VERSION}"
        if hello.host != holder.host:
            return f"the certificate is that of {holder.host}"
        return "" if self._good(holder) else "this key is not enrolled, or was revoked"

    def _good(self, holder: Holder) -> bool:
        found = enrolments.by_key(self._state, bytes.fromhex(holder.public))
        return (
            found is not None and (found.holder, found.role) == (holder.host, holder.role) and found.role == "enforcer"
        )

    async def _session(self, holder: Holder, peer: Peer, hello: Hello) -> None:
        async with self._doors.setdefault(holder.host, asyncio.Lock()):
            if await self._alive(self._sessions.get(holder.host)):
                await peer.send(Refused(f"an enforcer of {holder.host} is connected already"))
                return
            session = self._sessions[holder.host] = Session(holder, peer, hello.targets)
        try:
            await peer.send(Welcome(self._home.about.service, self.heartbeat))
            numbering.advance(self._state, holder.host, hello.sequence)
            self._spawn(self._reconcile(session, hello.slots))
            await self._listen(session)
        finally:
            if self._sessions.get(holder.host) is session:
                del self._sessions[holder.host]

    async def _alive(self, session: Session | None) -> bool:
        """Whether an earlier session of a host still answers; one that does not is ended."""
        if session is None:
            return False
        asked = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self.alive):
                await session.peer.send(Beat(answer=True))
                while session.peer.received < asked:
                    await asyncio.sleep(0.05)
            return True
        except (TimeoutError, ConnectionEnded):
            session.peer.close()
            return False

    async def _reconcile(self, session: Session, slots: Sequence[channel.Slot]) -> None:
        """Order what the host has not in force as desired. Depends on both states, not on what was sent before."""
        has = {(slot.target, slot.job): slot.digest for slot in slots}
        desired = {(one.target, one.job) for one in self._ledger.desired(session.holder.host)}
        session.strays = tuple(one for one in slots if (one.target, one.job) not in desired)
        session.lacking = tuple(sorted({target for target, _ in desired if session.lacks(target)}))
        try:
            for target, job in sorted(desired, key=lambda key: (key[1], key[0])):
                if not session.lacks(target):  # it is desired still, and ordered once the host has a driver for it
                    await self._bring(session, target, job, has.get((target, job)))
        except (ConnectionEnded, StateError):
            return  # the next connection reconciles again

    async def _bring(self, session: Session, target: str, job: str, held: str | None) -> None:
        """One slot, as it is desired when its turn comes: what came later must not be followed by what was before."""
        async with session.sending:
            found = self._ledger.desired(session.holder.host)
            wanted = next((one for one in found if (one.target, one.job) == (target, job)), None)
            if wanted is None or (wanted.action != "remove" and held == wanted.digest):
                return
            future = await self._give(session, wanted) if wanted.action != "remove" or held is not None else None
        if wanted.action == "remove" and (future is None or (await future).receipt.outcome == "applied"):
            self._ledger.settled(session.holder.host, target, job)

    async def _listen(self, session: Session) -> None:
        holder, peer = session.holder, session.peer
        key = signing.keyring([holder.public])
        while self._good(holder):
            message = expect(await peer.receive(3 * self.heartbeat), Report, Beat, Noted, Join)
            if isinstance(message, Report):
                await self._took(peer, await self._receipt(holder, message, key), message)
            elif isinstance(message, Noted):
                self._hint(holder.host, message)
            elif isinstance(message, Join):
                await peer.send(self._joining.renew(message, holder))
            elif isinstance(message, Beat) and message.answer:
                await peer.send(Beat())
        await peer.send(Refused("this key was revoked"))

    async def _receipt(self, holder: Holder, report: Report, key: Mapping[str, Ed25519PublicKey]) -> Receipt:
        """The receipt in a report, if it is this node's about its own host. Raises `InputError`."""
        try:
            receipt = signing.opened(report.envelope, Receipt, key)
            if receipt.host != holder.host:
                raise InputError(f"a receipt of {receipt.host} from {holder.host}")
        except InputError as error:
            await self._foreign(holder, error.what)
            raise
        return receipt

    async def _foreign(self, holder: Holder, said: str) -> None:
        with suppress(StateError):  # a full disk does not make it good: it is refused all the same
            await self._recorder(Foreign(holder.host, holder.public, said[:300]))

    async def _took(self, peer: Peer, receipt: Receipt, report: Report) -> None:
        try:
            new = await self._recorder(Answer(receipt, msgspec.json.encode(report.envelope)))
        except StateError:  # not on disk, so not taken: the node reports again when it is back
            peer.close()
            return
        waiting = self._waiting.get(receipt.order)
        if new and waiting and not waiting.done():
            waiting.set_result(Answered(receipt, report.text if orders.digest(report.text) == receipt.digest else ""))
        try:
            await peer.send(Took(receipt.order))
        except ConnectionEnded:
            return  # it reports again when it is back, and is told again

    def _hint(self, host: str, message: Noted) -> None:
        """A job has ended on a host: its slots there are not desired any more. Concerns the sender's host alone."""
        if message.what == "ended" and message.job:
            ended = [one for one in self._ledger.desired(host) if one.job == message.job]
            self._ledger.desire([msgspec.structs.replace(one, action="remove", digest="", text="") for one in ended])
        if self._noted:
            self._noted(host, message.what, message.job)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _check(wanted: Desired) -> None:
    """That enforcers would take an order for it. Raises `EnforceError`."""
    if wanted.action not in orders.ACTIONS:
        raise EnforceError(f"no action is called {wanted.action!r}", "one of: " + ", ".join(orders.ACTIONS))
    if not orders.travels(wanted.text):
        raise EnforceError(f"no such order can be given: a text of {len(wanted.text):,} characters")
    try:
        orders.decode(orders.encode(order_of(wanted, 1)), Order)
    except InputError as error:
        raise EnforceError(f"no such order can be given: {error.what}") from None
