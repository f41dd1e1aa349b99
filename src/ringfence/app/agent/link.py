"""The one connection out, for ever: dial, greet, send; wait and dial again when it is lost."""

import asyncio
from collections.abc import Callable, Sequence

from ringfence.app.enforcer.home import NodeHome
from ringfence.errors import InputError
from ringfence.transport.authority import SERVER_NAME
from ringfence.transport.dial import connect, waits
from ringfence.transport.peer import ConnectionEnded
from ringfence.transport.telemetry import Feed, TelemetryPeer, talk
from ringfence.wire.telemetry import Agent, Ready

LONGEST_WAIT = 30.0


class Link:
    """Sends a feed to `address`, whose certificate is for `name`. `said` is told what happens, for the log."""

    def __init__(
        self,
        home: NodeHome,
        feed: Feed,
        said: Callable[[str], None],
        sensors: Sequence[str] = (),
        address: tuple[str, int] | None = None,
        name: str = SERVER_NAME,
    ) -> None:
        self._home, self._feed, self._said = home, feed, said
        self._greeting = Agent(home.host, home.role, tuple(sensors))
        self._address, self._name = address or home.server, name
        self.connected = False

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        pause = waits(longest=LONGEST_WAIT)
        while True:
            try:
                peer = await connect(self._address, self._home.context(), self._name, TelemetryPeer)
                try:
                    await talk(peer, self._greeting, self._feed, self._home, self._ready)
                finally:
                    peer.close()
            except (ConnectionEnded, InputError) as error:
                self._said(str(error))
                if self.connected:
                    pause = waits(longest=LONGEST_WAIT)
            finally:
                self.connected = False
            await asyncio.sleep(next(pause))

    def _ready(self, answer: Ready) -> None:
        self.connected = True
        self._said(f"connected to {answer.server}")
