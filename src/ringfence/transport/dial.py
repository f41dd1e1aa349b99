"""The connecting end: one connection out, and how long to wait before the next try."""

import asyncio
import random
import ssl
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ringfence.transport.authority import SERVER_NAME
from ringfence.transport.peer import ConnectionEnded, End, Peer
from ringfence.transport.tls import HANDSHAKE

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds. Ten thousand nodes that lost one server come back spread over a minute, not at once."""


E = TypeVar("E", bound=End[Any])


async def dial(address: tuple[str, int], context: ssl.SSLContext) -> Peer:
    """An order channel to the server, authenticated by `context`. Raises `ConnectionEnded`."""
    return await connect(address, context, SERVER_NAME, Peer)


async def connect(
    address: tuple[str, int],
    context: ssl.SSLContext,
    name: str,
    end: Callable[[asyncio.StreamReader, asyncio.StreamWriter], E],
) -> E:
    """A connection to whoever holds a certificate for `name`, as `end` makes it. Raises `ConnectionEnded`."""
    try:
        async with asyncio.timeout(2 * HANDSHAKE):
            reader, writer = await asyncio.open_connection(
                *address, ssl=context, server_hostname=name, ssl_handshake_timeout=HANDSHAKE
            )
    except (OSError, ssl.SSLError, TimeoutError) as error:
        raise ConnectionEnded(f"no connection to {address[0]}:{address[1]}: {error or 'no answer'}") from None
    return end(reader, writer)


def waits(first: float = FIRST_WAIT, longest: float = LONGEST_WAIT) -> Iterator[float]:
    """Seconds to wait before each further try: doubling up to `longest`, each drawn between half and the whole."""
    wait = first
    while True:
        yield wait * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load, guards nothing
        wait = min(2 * wait, longest)
