"""Enrolment: a host's own key becomes the one that may speak for it.

        server                                     node
        init   ─▶ authority, order key
        token  ─▶ one-time token file ──(by hand)──▶ join: makes the key here, sends the public half
        node's certificate, keys of orders ◀─────── proves the private half, token used up

The token file carries the authority's certificate, so the node knows the server from the first byte. Secrets stand
in files of mode 0600 only: never in an argument, the environment or a log.
"""

import asyncio
import contextlib
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ringfence.app.enforcer.home import ABOUT, AUTHORITY, CERTIFICATE, KEY, About, NodeHome
from ringfence.app.files import address, new, private, write
from ringfence.app.orders.home import ServerHome, make
from ringfence.app.orders.joining import token_digest
from ringfence.errors import EnforceError, InputError, UsageError
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.store.journal import durable
from ringfence.store.state import enrolments
from ringfence.store.state.enrolments import ROLES, Enrolment
from ringfence.transport import authority, signing, tls
from ringfence.transport.dial import dial
from ringfence.transport.peer import ConnectionEnded, expect
from ringfence.wire import orders
from ringfence.wire.channel import Join, Joined, Refused
from ringfence.wire.orders import Release

LONGEST_TOKEN = 7 * 86400
"""Seconds that a token can be good for."""
_ANSWER = 15.0


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token file. `secret` counts once, for this host and role; `authority` is PEM."""

    host: str
    role: str
    secret: str
    expires: int
    authority: str


def init(folder: Path, host: str, port: int) -> ServerHome:
    """A new server's folder: authority, keys, empty state. Raises `UsageError` where there is one."""
    return make(folder, ids.host(host) if host else "", port)


def token(folder: Path, host: str, role: str, minutes: float, out: Path) -> Token:
    """A one-time token for a host, in a new file of mode 0600. An earlier open token of the host ends."""
    if role not in ROLES:
        raise UsageError(f"{role!r} is not a role", f"one of: {', '.join(ROLES)}")
    if not 0 < minutes * 60 <= LONGEST_TOKEN:
        raise UsageError("a token is good for a week at most", "--minutes 60")
    home, now, secret = ServerHome(folder), int(time.time()), secrets.token_urlsafe(32)
    name = host if ":" in host else ids.host(host)
    made = Token(name, role, secret, now + int(minutes * 60), home.authority_pem)
    new(out, msgspec.json.encode(made) + b"\n")
    with contextlib.closing(home.ledger()) as ledger:
        ledger.offer(token_digest(secret), name, role, made.expires, now)
    return made


def join(server: str, token_file: Path, folder: Path) -> NodeHome:
    """Enrol this node: the key is made here. Raises `UsageError`, or `EnforceError` where the server refuses."""
    found, place = read_token(token_file), address(server)
    if (folder / ABOUT).exists():
        raise UsageError(f"{folder} is enrolled already", "name another folder, or remove this one")
    durable.ensure(folder)
    folder.chmod(0o700)
    if not (folder / KEY).exists():  # a join that was cut off goes on with its key
        write(folder, KEY, signing.private_pem(signing.new_key()))
    key = signing.load_key(folder / KEY)
    joined = asyncio.run(_ask(place, found, Join(found.secret, authority.request_for(key))))
    if (joined.host, joined.role) != (found.host, found.role):
        raise EnforceError(f"the server answers for {joined.host} as {joined.role}, the token is for {found.host}")
    signing.keyring(joined.orders)
    write(folder, AUTHORITY, found.authority.encode())
    write(folder, CERTIFICATE, joined.certificate.encode())
    write(folder, ABOUT, msgspec.json.encode(About(server, joined.host, joined.role, joined.orders)))
    return NodeHome(folder)


async def _ask(place: tuple[str, int], found: Token, request: Join) -> Joined:
    try:
        peer = await dial(place, tls.client_context(found.authority))
        try:
            await peer.send(request)
            answer = expect(await peer.receive(_ANSWER), Joined, Refused)
        finally:
            peer.close()
    except (ConnectionEnded, InputError) as error:
        raise EnforceError(f"not enrolled: {error}", "check the address, and that the token is this server's") from None
    if not isinstance(answer, Joined):
        why = answer.why if isinstance(answer, Refused) else "no answer"
        raise EnforceError(f"not enrolled: {why}", "`ringfence enrol token` on the server makes a new one")
    return answer


def read_token(path: Path) -> Token:
    """The token in a private file, or on standard input for `-`. Raises `UsageError`."""
    try:
        return msgspec.json.decode(private(path), type=Token)
    except msgspec.MsgspecError:
        raise UsageError(f"{path} is not a token", "`ringfence enrol token` on the server makes one") from None


def enrolled(folder: Path) -> list[Enrolment]:
    """Every key that was ever enrolled."""
    with contextlib.closing(ServerHome(folder).state()) as state:
        return enrolments.everyone(state)


def listed(folder: Path) -> list[dict[str, str]]:
    """The documented shape of `ringfence enrol list --json`: times in UTC, keys in hexadecimal."""
    return [
        {
            "host": one.holder,
            "role": one.role,
            "since": _utc(one.enrolled_at),
            "revoked": _utc(one.revoked_at) if one.revoked_at is not None else "",
            "key": one.public_key.hex(),
        }
        for one in enrolled(folder)
    ]


def _utc(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def revoke(folder: Path, host: str) -> int:
    """End every key and open token of a host; how many keys. A connection that it has ends at its next beat."""
    home = ServerHome(folder)
    name = host if ":" in host else ids.host(host)
    with contextlib.closing(home.ledger()) as ledger, contextlib.closing(home.state()) as state:
        ledger.withdraw(name)
        live = [one for one in enrolments.everyone(state) if one.holder == name and one.revoked_at is None]
        return sum(enrolments.revoke(state, one.public_key, time.time()) for one in live)


def facts(folder: Path) -> list[Fact]:
    """What the estate should know of this fence: whom it orders, and the key that signs."""
    home = ServerHome(folder)
    service, host = home.about.service, home.about.host
    credential = ids.of("credential", "ringfence", host.partition(":")[2], str(folder.absolute() / "orders.key"))
    public = signing.public_hex(home.order_key())
    live = [one for one in enrolled(folder) if one.revoked_at is None]
    return [
        Fact(service, "runs_on", host),
        Fact(service, "service_kind", "ringfence"),
        Fact(credential, "signs_orders", service, {"public": public}),
        Fact(credential, "jewel", "signs Ringfence's orders", {"marked_by": "default"}),
        Fact(host, "stores_credential", credential, {"readable_by": "root"}),
        *(
            Fact(one.holder, "enforced_by", service, {"public": one.public_key.hex()})
            for one in live
            if one.role == "enforcer"
        ),
    ]


def fact_lines(folder: Path) -> list[str]:
    """The same as lines of NDJSON."""
    return [msgspec.json.encode(fact).decode() for fact in facts(folder)]


def release_token(folder: Path, host: str, why: str, hours: float, lasts: int, out: Path) -> Release:
    """An offline token that opens one host once, within `hours`, for `lasts` seconds; a new file of mode 0600."""
    now, name = int(time.time()), host if ":" in host else ids.host(host)
    made = Release(
        id=secrets.token_hex(16), host=name, not_before=now, expires=now + int(hours * 3600), lasts=lasts, why=why
    )
    try:
        orders.decode(orders.encode(made), Release)
    except InputError as error:
        raise UsageError(f"no such token can be given: {error.what}") from None
    new(out, msgspec.json.encode(signing.seal(ServerHome(folder).order_key(), made)) + b"\n")
    return made
