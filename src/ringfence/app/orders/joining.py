"""Letting a key in: a one-time token for the first certificate, the certificate itself for the next."""

import hashlib
import time

from ringfence.app.orders.home import ServerHome
from ringfence.errors import InputError, StateError
from ringfence.store.ledger import Ledger
from ringfence.store.state import enrolments
from ringfence.store.state.database import Database
from ringfence.transport import authority, signing
from ringfence.transport.authority import Holder
from ringfence.wire.channel import Join, Joined, Refused


class Joining:
    """Issues certificates. Host and role come from the token, or from the certificate that is renewed."""

    def __init__(self, home: ServerHome, state: Database, ledger: Ledger) -> None:
        self._home, self._state, self._ledger = home, state, ledger
        self._signer = home.signer()
        self._orders = (signing.public_hex(home.order_key()),)

    def join(self, asked: Join, holder: Holder | None) -> Joined | Refused:
        """A stranger with a token. The host's earlier key in that role ends with this."""
        if holder:
            return Refused("this key is enrolled already")
        try:
            key = authority.requested_key(asked.request)
            found = self._ledger.redeem(token_digest(asked.token), int(time.time()))
            if not found:
                return Refused("the token is unknown, was used, or is over")
            host, role = found
            now = time.time()
            earlier = enrolments.live(self._state, host, role)
            if earlier:
                enrolments.revoke(self._state, earlier.public_key, now)
            enrolments.enrol(self._state, host, role, key.public_bytes_raw(), now)
        except (InputError, StateError) as error:
            return Refused(error.what)
        return self._issued(host, role, asked)

    def renew(self, asked: Join, holder: Holder) -> Joined | Refused:
        """A node whose connection is good wants a new certificate for the key that it has."""
        try:
            if signing.public_hex(authority.requested_key(asked.request)) != holder.public:
                return Refused("a new key needs a new token")
        except InputError as error:
            return Refused(error.what)
        return self._issued(holder.host, holder.role, asked)

    def _issued(self, host: str, role: str, asked: Join) -> Joined:
        key = authority.requested_key(asked.request)
        certificate = authority.node_certificate(key, host, role, self._home.authority, self._signer)
        return Joined(host, role, certificate.decode("ascii"), self._orders)


def token_digest(secret: str) -> str:
    """What the server keeps of a token: the secret has 256 random bits, so one round of SHA-256 hides it."""
    return hashlib.sha256(secret.encode()).hexdigest()
