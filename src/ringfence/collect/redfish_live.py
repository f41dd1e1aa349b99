"""A live Redfish service, read with GETs only, as the files that a capture of it would hold.

HTTPS with the certificate checked, against a CA file or a pinned fingerprint where the controller
signs its own; plain HTTP only to the loopback. Names and addresses in answers are the
controller's word: nothing is followed off the service, nothing outside `/redfish/v1`, and never
more resources, bytes or seconds than the limits say.
"""

import base64
import hashlib
import http.client
import ssl
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, time
from urllib.parse import urlsplit

import msgspec

from ringfence.collect.addresses import is_loopback
from ringfence.collect.base import CapturedFile
from ringfence.errors import InputError, Problem, UsageError
from ringfence.estate import ids
from ringfence.wire.redfish import resource

_SKIPPED = ("/Registries", "/JsonSchemas", "/LogServices/", "/Entries/", "/Actions/", "/Sensors/", "/SessionService")
"""Much to read and nothing about reach; sessions are none of our business."""

_STRANGE = ("..", "?", " ", "\\", "%", "//")


class Target(msgspec.Struct, frozen=True):
    """One controller. `secret_file` holds `account:password` in one line; it is read here and sent only there.

    `ca_file` or `fingerprint` (SHA-256 of the certificate, hexadecimal) say whom to trust where
    the system's own authorities do not.
    """

    name: str
    url: str
    secret_file: Path | None = None
    ca_file: Path | None = None
    fingerprint: str = ""
    most_resources: int = 2_000
    most_bytes: int = 4 << 20
    seconds: float = 120.0
    timeout_s: float = 10.0


def read(target: Target) -> Iterator[CapturedFile | Problem]:
    """Every resource that can be reached from the service root. Raises `UsageError` for a bad address."""
    connection, headers = _connect(target)
    until = monotonic() + target.seconds
    wanted, seen = deque([resource.ROOT]), {resource.ROOT}
    try:
        while wanted:
            if monotonic() > until:
                yield Problem(target.name, 0, f"stopped with {len(wanted)} resources unread", "raise the limits")
                return
            if connection.sock is None:
                _pin(connection, target)
            where = wanted.popleft()
            found = _get(connection, where, headers, target)
            yield found
            if isinstance(found, CapturedFile):
                links = [link for link in _links(found) if link not in seen]
                seen.update(links[: target.most_resources - len(seen)])
                wanted.extend(link for link in links if link in seen)
    except (OSError, http.client.HTTPException) as error:
        yield Problem(target.name, 0, f"gave no answer: {ids.clean(str(error)) or type(error).__name__}", "is it up?")
    finally:
        connection.close()


def _connect(target: Target) -> tuple[http.client.HTTPConnection, dict[str, str]]:
    parts = urlsplit(target.url)
    headers = {"Accept": "application/json", "OData-Version": "4.0"}
    if target.secret_file is not None:
        secret = target.secret_file.read_text("utf-8").strip()
        headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
    host = parts.hostname or ""
    if parts.scheme == "https" and host:
        context = ssl.create_default_context(cafile=str(target.ca_file) if target.ca_file else None)
        if target.fingerprint:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the pin is checked instead
        return http.client.HTTPSConnection(host, parts.port, timeout=target.timeout_s, context=context), headers
    if parts.scheme == "http" and is_loopback(host):
        return http.client.HTTPConnection(host, parts.port, timeout=target.timeout_s), headers
    raise UsageError(f"{target.url} is not an https address", "controllers are read over https only")


def _pin(connection: http.client.HTTPConnection, target: Target) -> None:
    """Refuse a certificate that is not the pinned one, before anything secret is sent."""
    connection.connect()
    if target.fingerprint and isinstance(connection.sock, ssl.SSLSocket):
        shown = hashlib.sha256(connection.sock.getpeercert(binary_form=True) or b"").hexdigest()
        if shown != target.fingerprint.lower().replace(":", ""):
            connection.close()
            raise OSError("its certificate is not the pinned one")
        connection.auto_open = 0  # never connect again behind the check's back


def _get(
    connection: http.client.HTTPConnection, where: str, headers: dict[str, str], target: Target
) -> CapturedFile | Problem:
    """One resource; redirects are not followed."""
    connection.request("GET", where, headers=headers)
    with connection.getresponse() as answer:
        body = answer.read(target.most_bytes + 1)
        if len(body) > target.most_bytes:
            connection.close()
            return Problem(f"{target.name}{where}", 0, f"larger than {target.most_bytes >> 20} MiB")
        if answer.status != http.client.OK:
            return Problem(f"{target.name}{where}", 0, f"answered {answer.status}")
    inside = where.removeprefix(resource.ROOT).strip("/")
    return CapturedFile(f"redfish/{target.name}/{inside}/index.json".replace("//", "/"), body, time())


def _links(file: CapturedFile) -> Iterator[str]:
    """The addresses to read next: below the root, without query, fragment or climbing."""
    try:
        found = resource.members(resource.parse(file.data))
    except InputError:
        return
    for link in found:
        plain = link.partition("#")[0].rstrip("/")
        ordinary = plain.isascii() and plain.isprintable() and not any(mark in plain for mark in _STRANGE)
        skipped = any(part in plain + "/" for part in _SKIPPED)
        if ordinary and not skipped and plain.startswith(resource.ROOT + "/"):
            yield plain
