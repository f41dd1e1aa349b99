"""slurmrestd asked live: GET only, with time and size limits, on TLS, loopback or a Unix socket.

        /openapi/v3 ─▶ versions offered ─▶ the newest that the reader knows ─▶ one GET per table

The answers become captured files and go through the same reader as a copied tree. A table that the
token may not read is a `Problem`; the others are asked all the same.
"""

import importlib
import re
from collections.abc import Iterator
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit

from ringfence.collect.addresses import is_loopback
from ringfence.collect.base import CapturedFile
from ringfence.errors import InputError, MissingPart, Problem, UsageError
from ringfence.estate.ids import clean
from ringfence.wire.slurm import small

OLDEST, NEWEST = 38, 46
"""Versions v0.0.N whose form the reader knows."""

MOST_BYTES = 64 << 20
MOST_SECONDS = 120.0
TABLES = (
    ("slurm", ("ping", "nodes", "partitions", "jobs", "reservations")),
    ("slurmdb", ("accounts", "associations", "users", "qos")),
)
_REMEDY = "see whether slurmrestd runs there, and whether the token still holds (scontrol token)"


def live_rest(
    url: str, token: str = "", user: str = "", *, timeout_s: float = 30.0
) -> Iterator[CapturedFile | Problem]:
    """Every table, as files `slurm/rest-nodes.json` and so on.

    `url` is `https://host:port`, `http://` with a loopback address, or `unix:/path`. `token` is a
    JWT, sent with `user` if given. Raises `UsageError` for other addresses, `MissingPart` without httpx.
    """
    base, socket = _address(url)
    try:
        httpx = importlib.import_module("httpx")
    except ImportError:
        raise MissingPart("httpx is not installed", "pip install 'ringfence[live]'") from None
    headers = {"X-SLURM-USER-TOKEN": token} if token else {}
    if token and user:
        headers["X-SLURM-USER-NAME"] = user
    transport = httpx.HTTPTransport(uds=socket) if socket else None
    options = {"timeout": timeout_s, "follow_redirects": False, "trust_env": False, "headers": headers}
    with httpx.Client(base_url=base, transport=transport, **options) as client:
        yield from _tables(client, httpx.HTTPError, monotonic() + MOST_SECONDS)


def _address(url: str) -> tuple[str, str]:
    """(base URL, Unix socket or "")."""
    if url.startswith("unix:/"):
        return "http://slurmrestd", url.removeprefix("unix:")
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url, ""
    if parts.scheme == "http" and parts.hostname and is_loopback(parts.hostname):
        return url, ""
    raise UsageError(
        f"{clean(url)} would show the token to the network", "use https://, a loopback address, or unix:/path"
    )


def _tables(client: Any, failed: type[Exception], end: float) -> Iterator[CapturedFile | Problem]:
    page = _get(client, "/openapi/v3", failed, end)
    if isinstance(page, Problem):
        yield page
        return
    try:
        offered = small.openapi(page).versions
    except InputError as error:
        yield Problem.of("/openapi/v3", error)
        return
    yield CapturedFile("slurm/rest-openapi.json", page, time())
    known = [version for version in offered if OLDEST <= int(version.rpartition(".")[2]) <= NEWEST]
    if not known:
        yield Problem("/openapi/v3", 0, f"offers {', '.join(offered) or 'no version'}", "a newer Ringfence may know it")
        return
    for group, names in TABLES:
        for name in names:
            path = _path(page, f"/{group}/{known[-1]}/{name}")
            answer = _get(client, path, failed, end) if path else Problem(f"{group}/{name}", 0, "not offered")
            yield answer if isinstance(answer, Problem) else CapturedFile(f"slurm/rest-{name}.json", answer, time())


def _path(page: bytes, path: str) -> str:
    """As the page writes it: some versions end their paths with `/`, and answer to nothing else."""
    found = re.search(re.escape(f'"{path}').encode() + rb'(/?)"', page.replace(rb"\/", b"/"))
    return path + found[1].decode() if found else ""


def _get(client: Any, path: str, failed: type[Exception], end: float) -> bytes | Problem:
    """The body of one GET, whole and within limits."""
    left = end - monotonic()
    if left <= 0:
        return Problem(path, 0, f"not asked: {MOST_SECONDS:.0f} s were over", _REMEDY)
    body = bytearray()
    try:
        with client.stream("GET", path) as answer:
            for part in answer.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    return Problem(path, 0, f"answered more than {MOST_BYTES >> 20} MiB")
                if monotonic() > end:
                    return Problem(path, 0, f"still answering after {MOST_SECONDS:.0f} s", _REMEDY)
            if answer.status_code != 200:
                return Problem(
                    path, 0, f"status {answer.status_code}: {clean(body[:200].decode('utf-8', 'replace'))}", _REMEDY
                )
    except (failed, OSError, ValueError) as error:
        return Problem(path, 0, clean(f"no answer: {error}"), _REMEDY)
    return bytes(body)
