"""Signed envelopes: only the exact bytes, of the right kind, by a trusted key, open."""

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ringfence.errors import InputError, UsageError
from ringfence.transport import signing
from ringfence.wire.orders import Envelope, Order, Release
from tests.wire.test_orders import ORDER, TOKEN

KEY, OTHER = signing.new_key(), signing.new_key()
RING = signing.keyring([signing.public_hex(KEY)])


def test_what_was_signed_opens():
    """An order and a release token, each with its own kind."""
    assert signing.opened(signing.seal(KEY, ORDER), Order, RING) == ORDER
    assert signing.opened(signing.seal(KEY, TOKEN), Release, RING) == TOKEN


def test_a_forged_order_does_not_open():
    """Another's key, another's name on it, one bit of the payload, one of the signature, another kind."""
    good, foreign = signing.seal(KEY, ORDER), signing.seal(OTHER, ORDER)
    replace = msgspec.structs.replace
    forged = [
        foreign,
        replace(foreign, signer=good.signer),
        replace(good, payload=good.payload.replace(b"gpu0001", b"gpu0002")),
        replace(good, signature=bytes([good.signature[0] ^ 1]) + good.signature[1:]),
        replace(signing.seal(KEY, TOKEN), kind="order"),
        signing.seal(KEY, TOKEN),
    ]
    for envelope in forged:
        with pytest.raises(InputError, match="forged"):
            signing.opened(envelope, Order, RING)


def test_signed_bytes_that_are_no_order_do_not_open_either():
    """The signer's own mistake is an error, not a crash."""
    payload = b'{"id": 1}'
    name = signing.signer_of(signing.public_hex(KEY))
    envelope = Envelope("order", payload, name, KEY.sign(b"ringfence/1/order\0" + payload))
    with pytest.raises(InputError, match="not the JSON"):
        signing.opened(envelope, Order, RING)


def test_a_key_file_that_others_can_read_is_not_used(tmp_path):
    """0600 works; 0640, another kind of key, no key and no file say what to do."""
    path = tmp_path / "orders.key"
    path.write_bytes(signing.private_pem(KEY))
    path.chmod(0o640)
    with pytest.raises(UsageError, match="can be read by others"):
        signing.load_key(path)
    path.chmod(0o600)
    assert signing.public_hex(signing.load_key(path)) == signing.public_hex(KEY)
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(serialization.Encoding.PEM, form, none))
    with pytest.raises(UsageError, match="not an Ed25519"):
        signing.load_key(path)
    path.write_bytes(b"no key")
    with pytest.raises(UsageError, match="not a private key"):
        signing.load_key(path)
    with pytest.raises(UsageError):
        signing.load_key(tmp_path / "none")


def test_a_keyring_takes_public_keys_only():
    """Odd digits and wrong lengths are errors with a remedy."""
    for text in ("xyz", "00", "0" * 63):
        with pytest.raises(InputError):
            signing.keyring([text])
