"""What a live cluster holds of the kinds that fence pods, read back by list and followed by watch.

Ours and other people's come apart: ours are compared and replaced, theirs are left alone and taken into the proof.
Of pods only the metadata is asked for. A kind that the cluster does not have is none.
"""

import importlib
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

import msgspec

from ringfence.errors import InputError, MissingPart, UsageError
from ringfence.estate.ids import clean
from ringfence.wire import safe
from ringfence.wire.kubernetes.ours import KINDS, Json, Key, Kind, is_ours, key, plain

PAGE, MOST_PAGES, TRIES = 500, 2000, 3
_PARTIAL = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_LATE = 300.0


class Gone(Exception):
    """410: the version that a watch or a page starts from is too old; list again."""


class Refused(Exception):
    """The API server answered with an error: `status`, and what it said."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said}")
        self.status, self.said = status, said


class Held(msgspec.Struct, frozen=True):
    """What a cluster holds. `pods`: those that exist, by key, with our label as far as they bear it."""

    ours: Mapping[Key, Json]
    theirs: Mapping[Key, Json]
    pods: Mapping[Key, Json]
    absent: frozenset[str]
    """Kinds that the cluster does not have."""

    @property
    def speaks(self) -> tuple[str, ...]:
        """Targets of `Inventory.enforcers`: NetworkPolicy, and other kinds whose definition is installed.

        That its network plugin obeys what it stores, no API tells.
        """
        found = (name.lower() for name in sorted(KINDS.keys() - self.absent) if name.endswith("Policy"))
        return tuple("kubernetes" if name == "networkpolicy" else name for name in found)


def connect(context: str = "", *, kubeconfig: str = "", timeout_s: float = 30.0) -> Any:
    """A client of the cluster of a kubeconfig context (lightkube's own HTTP client).

    Raises `MissingPart` without lightkube and `UsageError` where there is no such context.
    """
    try:
        configs = importlib.import_module("lightkube.config.kubeconfig").KubeConfig
        adapter = importlib.import_module("lightkube.config.client_adapter")
        errors = importlib.import_module("lightkube.core.exceptions")
    except ImportError:
        raise MissingPart("lightkube is not installed", "pip install 'ringfence[fence]'") from None
    try:
        every = configs.from_file(kubeconfig) if kubeconfig else configs.from_env()
        config = every.get(None if context in ("", "current") else context)
        return adapter.Client(config, adapter.ConnectionParams(timeout=timeout_s, trust_env=False))
    except (errors.ConfigError, AssertionError, OSError, ValueError, KeyError) as error:
        raise UsageError(clean(f"no cluster to ask: {error}"), "name a kubeconfig context") from None


def held(client: Any) -> Held:
    """Everything of the kinds that we write. Raises `InputError` where a list cannot be read to its end."""
    ours: dict[Key, Json] = {}
    theirs: dict[Key, Json] = {}
    pods: dict[Key, Json] = {}
    absent = set()
    for name, kind in KINDS.items():
        try:
            found, _ = listed(client, name, kind)
        except Refused as refused:
            if refused.status != 404:
                raise InputError(f"GET {kind.path()}: {refused}", remedy="grant get, list and watch") from None
            absent.add(name)
            continue
        for one in found:
            if name == "Pod":
                pods[key(one)] = plain(one)
            if is_ours(one):
                ours[key(one)] = plain(one)
            elif name != "Pod":
                theirs[key(one)] = one
    return Held(ours, theirs, pods, frozenset(absent))


def listed(client: Any, name: str, kind: Kind, *, accept: str = "") -> tuple[list[Json], str]:
    """All objects of a kind, and the version from which to watch. Starts anew where a page token was forgotten.

    `accept` "" asks for no more than is compared: of pods the metadata.
    """
    for _ in range(TRIES):
        try:
            return _pages(client, name, kind, accept or _accept(name, "List"))
        except Gone:
            continue
    raise InputError(f"GET {kind.path()}: the list changed under every one of {TRIES} readings", remedy="ask again")


def _pages(client: Any, name: str, kind: Kind, accept: str) -> tuple[list[Json], str]:
    found: list[Json] = []
    token, version = "", ""
    for _ in range(MOST_PAGES):
        query = {"limit": str(PAGE), **({"continue": token} if token else {})}
        answer = ask(client, "GET", kind.path(), query, accept=accept)
        items, meta = answer.get("items"), answer.get("metadata")
        if not isinstance(items, list | None) or not isinstance(meta, dict):
            raise InputError(f"GET {kind.path()}: not a list")
        found += [{**one, "kind": name} for one in items or () if isinstance(one, dict)]
        version = version or str(meta.get("resourceVersion") or "")
        token = str(meta.get("continue") or "")
        if not token:
            return found, version
    raise InputError(f"GET {kind.path()}: more than {MOST_PAGES} pages")


def _accept(name: str, suffix: str) -> str:
    return _PARTIAL.format(suffix) if name == "Pod" else "application/json"


def watched(
    client: Any, name: str, kind: Kind, version: str, patience_s: float, *, accept: str = ""
) -> Iterator[tuple[str, Json, str]]:
    """(ADDED, MODIFIED, DELETED or BOOKMARK; the object; its version) as they come; ends with the server's patience.

    Raises `Gone` where the server has forgotten `version`, `Refused` for any other error it tells.
    """
    query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
    query["timeoutSeconds"] = str(max(1, round(patience_s)))
    headers = {"Accept": accept or _accept(name, "")}
    with _told(f"GET {kind.path()}"), client.stream(
        "GET", kind.path(), params=query, headers=headers, timeout=patience_s + 30.0
    ) as answer:  # fmt: skip
        if answer.status_code != 200:
            _raise(answer.status_code, answer.read())
        for line in answer.iter_lines():
            event = safe.json(line.encode()) if line.strip() else {}
            shown = event.get("object") if isinstance(event, dict) else None
            if not isinstance(shown, dict):
                continue
            if event.get("type") == "ERROR":
                _raise(int(shown.get("code") or 500), line.encode())
            meta = shown.get("metadata")
            now = str(meta.get("resourceVersion") or "") if isinstance(meta, dict) else ""
            yield str(event.get("type")), {**shown, "kind": name}, now


def ask(
    client: Any, method: str, path: str, query: Mapping[str, str], *, accept: str = "application/json",
    body: bytes = b"", form: str = "application/json",
) -> dict[str, Any]:  # fmt: skip
    """One request, bounded in size and time. Raises `Gone`, `Refused`, or `InputError` for what is no answer."""
    headers = {"Accept": accept, **({"Content-Type": form} if body else {})}
    until, data = monotonic() + _LATE, bytearray()
    with _told(f"{method} {path}"), client.stream(
        method, path, params=dict(query), headers=headers, content=body or None
    ) as answer:  # fmt: skip
        for chunk in answer.iter_bytes():
            data += chunk
            if len(data) > safe.MOST_BYTES or monotonic() > until:
                raise InputError(f"{method} {path}: more than {safe.MOST_BYTES >> 20} MiB or {_LATE:.0f} s")
        if not 200 <= answer.status_code < 300:
            _raise(answer.status_code, bytes(data))
    found = safe.json(bytes(data))
    if not isinstance(found, dict):
        raise InputError(f"{method} {path}: not an object")
    return found


def may(client: Any, verb: str, group: str, resource: str) -> bool:
    """Whether the server would let our own account do this everywhere (SelfSubjectAccessReview)."""
    version = "authorization.k8s.io/v1"
    spec = {"resourceAttributes": {"verb": verb, "group": group, "resource": resource}}
    body = msgspec.json.encode({"apiVersion": version, "kind": "SelfSubjectAccessReview", "spec": spec})
    answer = ask(client, "POST", f"/apis/{version}/selfsubjectaccessreviews", {}, body=body)
    status = answer.get("status")
    return isinstance(status, dict) and status.get("allowed") is True


def _raise(status: int, data: bytes) -> None:
    try:
        told = safe.json(data)
    except InputError:
        told = {}
    told = told.get("object", told) if isinstance(told, dict) else {}
    if status == 410:
        raise Gone
    raise Refused(status, clean(str(told.get("message") or told.get("reason") or "no reason told"))[:400])


class _told:  # noqa: N801 (used as a function)
    """Turns what the HTTP client raises into `InputError`."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if kind is not None and kind.__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2"):
            raise InputError(f"{self._what}: {kind.__name__}: {error}") from None
