"""The fence's own certificate authority: one key that issues the server's certificate and one per enrolled node.

        authority (Ed25519) ──▶ server: fixed name `SERVER_NAME`, server authentication only
                            └──▶ node: `urn:ringfence:<role>:<host>`, client authentication only;
                                 of the role relay also fixed name `RELAY_NAME`, server authentication

The host and the role of a node come from the token that the server made, never from the node's request: only the
public key is taken from it. Nobody's name is looked up: a node trusts this authority and the fixed name, wherever the
server listens. Profile: RFC 5280, Ed25519 as in RFC 8410.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ringfence.errors import InputError
from ringfence.transport.signing import public_hex

SERVER_NAME = "server.ringfence.internal"
RELAY, RELAY_NAME = "relay", "relay.ringfence.internal"
"""The role of those who collect for a rack, and the name that their agents dial: no relay can play the server."""
AUTHORITY_LIFE = timedelta(days=3650)
NODE_LIFE = timedelta(days=365)
_EARLIER = timedelta(minutes=5)
"""A node's clock may run behind by this much."""
_SCHEME = "urn:ringfence"


class Holder(NamedTuple):
    """Whom a node's certificate names: entity id, role, raw public key (hexadecimal), end of validity."""

    host: str
    role: str
    public: str
    until: datetime


def new_authority(key: Ed25519PrivateKey, name: str) -> x509.Certificate:
    """The authority's own certificate; it may issue end certificates, and no further authority."""
    subject = _name(f"Ringfence authority {name}")
    builder = _builder(subject, subject, key.public_key(), AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.add_extension(_usage(authority=True), critical=True).sign(key, None)


def server_certificate(key: Ed25519PrivateKey, authority: x509.Certificate, signer: Ed25519PrivateKey) -> bytes:
    """The server's certificate as PEM, for `SERVER_NAME`."""
    builder = _builder(_name(SERVER_NAME), authority.subject, key.public_key(), AUTHORITY_LIFE)
    names = x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)])
    return _end(builder, names, [ExtendedKeyUsageOID.SERVER_AUTH], authority, signer)


def node_certificate(
    public: Ed25519PublicKey, host: str, role: str, authority: x509.Certificate, signer: Ed25519PrivateKey
) -> bytes:
    """A node's certificate as PEM, for the host and the role that the server knows it by."""
    builder = _builder(_name(f"{role} {host}"[:64]), authority.subject, public, NODE_LIFE)
    uri = x509.UniformResourceIdentifier(f"{_SCHEME}:{quote(role, safe='')}:{quote(host, safe='')}")
    relay = role == RELAY
    names = x509.SubjectAlternativeName([uri, *([x509.DNSName(RELAY_NAME)] if relay else [])])
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if relay else [])]
    return _end(builder, names, purposes, authority, signer)


def request_for(key: Ed25519PrivateKey) -> str:
    """A certificate request (PKCS#10, PEM) that proves possession of the key and asks for no name."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    return request.public_bytes(serialization.Encoding.PEM).decode("ascii")


def requested_key(pem: str) -> Ed25519PublicKey:
    """The public key in a request, whose signature shows that the sender has the private half. Raises `InputError`."""
    try:
        request = x509.load_pem_x509_csr(pem.encode("utf-8"))
        key, valid = request.public_key(), request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature, TypeError):
        raise InputError("not a certificate request") from None
    if not valid or not isinstance(key, Ed25519PublicKey):
        raise InputError("a certificate request without proof of an Ed25519 key")
    return key


def holder(der: bytes) -> Holder:
    """Whom a certificate, already verified by TLS, names. Raises `InputError` where it is no node's."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        key, until = certificate.public_key(), certificate.not_valid_after_utc
    except (ValueError, x509.ExtensionNotFound, UnsupportedAlgorithm):
        raise InputError("a certificate that names no node") from None
    found = [uri.split(":") for uri in names.get_values_for_type(x509.UniformResourceIdentifier)]
    if len(found) != 1 or len(found[0]) != 4 or not isinstance(key, Ed25519PublicKey):
        raise InputError("a certificate that names no node")
    scheme, role, host = ":".join(found[0][:2]), found[0][2], found[0][3]
    if scheme != _SCHEME:
        raise InputError("a certificate that names no node")
    return Holder(unquote(host), unquote(role), public_hex(key), until)


def certificate_of(pem: bytes) -> x509.Certificate:
    """A certificate in PEM. Raises `InputError`."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise InputError("not a certificate in PEM") from None


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _builder(subject: x509.Name, issuer: x509.Name, key: Ed25519PublicKey, life: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _EARLIER).not_valid_after(now + life)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _end(
    builder: x509.CertificateBuilder,
    names: x509.SubjectAlternativeName,
    purposes: Sequence[x509.ObjectIdentifier],
    authority: x509.Certificate,
    signer: Ed25519PrivateKey,
) -> bytes:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=True)
    builder = builder.add_extension(names, critical=False).add_extension(issuer, critical=False)
    return pem(builder.sign(signer, None))


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
