"""The live Kubernetes API, asked by GET only, page by page, with time limits.

lightkube finds the server and the credentials (a kubeconfig context, or the pod's own account);
the answers become captured files and go through the same reader as a dump. Of secrets only the
metadata is asked for (`PartialObjectMetadataList`), so that their data is never sent. A page token that the server
has forgotten (410) starts that list anew. What the account may not list is a `Problem`, a custom
kind that the cluster does not have is nothing.
"""

import importlib
from collections.abc import Iterator
from time import monotonic, time
from typing import Any

import msgspec

from ringfence.collect.base import CapturedFile
from ringfence.collect.kubernetes.stripped import secret_of, stripped
from ringfence.errors import InputError, MissingPart, Problem
from ringfence.estate.ids import clean
from ringfence.wire import safe
from ringfence.wire.kubernetes.ours import VERSIONS

PAGE = 500
MOST_PAGES = 2000
TRIES = 3
MOST_SECONDS = 120.0

_THEIRS = ("httpx", "httpx2", "httpcore", "httpcore2", "lightkube")
"""Packages whose errors mean that the server or the credentials failed, not we."""

_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

CORE = (
    "/api/v1/nodes", "/api/v1/namespaces", "/api/v1/serviceaccounts", "/api/v1/pods", "/api/v1/services",
    "/api/v1/endpoints",
    "/api/v1/persistentvolumes", "/api/v1/persistentvolumeclaims", "/api/v1/secrets",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/roles", "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/apps/v1/deployments", "/apis/apps/v1/statefulsets", "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/replicasets", "/apis/batch/v1/jobs", "/apis/batch/v1/cronjobs",
    "/apis/networking.k8s.io/v1/networkpolicies",
)  # fmt: skip
OPTIONAL = (
    "/apis/kueue.x-k8s.io/v1beta1/clusterqueues", "/apis/kueue.x-k8s.io/v1beta1/localqueues",
    "/apis/scheduling.volcano.sh/v1beta1/queues", "/apis/batch.volcano.sh/v1alpha1/jobs",
    "/apis/k8s.cni.cncf.io/v1/network-attachment-definitions", "/apis/nvidia.com/v1/clusterpolicies",
    "/apis/mellanox.com/v1alpha1/nicclusterpolicies", "/apis/resource.nvidia.com/v1beta1/computedomains",
    "/apis/kubeflow.org/v1/pytorchjobs", "/apis/kubeflow.org/v2beta1/mpijobs", "/apis/ray.io/v1/rayclusters",
    "/apis/jobset.x-k8s.io/v1alpha2/jobsets", "/apis/leaderworkerset.x-k8s.io/v1/leaderworkersets",
)  # fmt: skip


class _Unreachable(Exception):
    """Nobody answers at all: asking for the other lists would only wait as often again."""


class _Forgotten(Exception):
    """410: the page token is too old."""


def live(context: str = "", *, kubeconfig: str = "", timeout_s: float = 30.0) -> Iterator[CapturedFile | Problem]:
    """Everything that the collector reads, from the cluster of a kubeconfig context.

    `context` "" or "current" takes the current one, or the pod's own account inside a cluster.
    Raises `MissingPart` without lightkube.
    """
    try:
        config_module = importlib.import_module("lightkube.config.kubeconfig")
        adapter = importlib.import_module("lightkube.config.client_adapter")
        errors = importlib.import_module("lightkube.core.exceptions")
    except ImportError:
        raise MissingPart("lightkube is not installed", "pip install 'ringfence[live]'") from None
    try:
        found = config_module.KubeConfig
        every = found.from_file(kubeconfig) if kubeconfig else found.from_env()
        config = every.get(None if context in ("", "current") else context)
        parameters = adapter.ConnectionParams(timeout=timeout_s, trust_env=False)
        client = adapter.Client(config, parameters)
    except (errors.ConfigError, AssertionError, OSError, ValueError, KeyError) as error:
        yield Problem("kubernetes", 0, clean(f"no cluster to ask: {error}"), "name a kubeconfig context")
        return
    name = clean(config.context_name or "kubernetes").replace("/", "_")
    with client:
        try:
            for path in (*CORE, *OPTIONAL):
                yield from _list(client, name, path)
            for version in VERSIONS:
                yield from _served(client, name, version)
        except _Unreachable as error:
            what = f"the API server of {name} did not answer: {error}"
            yield Problem("kubernetes", 0, clean(what), "check the address, or capture it where kubectl works")


def _list(client: Any, cluster: str, path: str) -> Iterator[CapturedFile | Problem]:
    """All pages of one list; nothing of it where it cannot be read to its end."""
    shown = f"clusters/{cluster}/kubernetes/{'-'.join(path.split('/')[-1:])}"
    for _ in range(TRIES):
        try:
            pages = list(_pages(client, path))
        except _Forgotten:
            continue
        except (InputError, OSError) as error:
            yield Problem(shown, 0, clean(str(error)), "check the address, or ask again")
            return
        except _Refused as refused:
            if refused.status != 404 or path in CORE:
                what = f"the API server answered {refused.status} to GET {path}"
                yield Problem(shown, 0, what, "grant get and list, nothing else is needed")
            return
        now = time()
        for number, page in enumerate(pages, 1):
            yield CapturedFile(f"{shown}-{number}.json", page, now)
        return
    yield Problem(shown, 0, f"the list changed under every one of {TRIES} readings", "ask again")


def _served(client: Any, cluster: str, version: str) -> Iterator[CapturedFile | Problem]:
    """What the API serves of one version: which kinds of policies the cluster knows."""
    shown = f"clusters/{cluster}/kubernetes/served-{version.replace('/', '-')}.json"
    try:
        answer = _get(client, f"/apis/{version}", {}, "application/json")
    except (InputError, OSError) as error:
        yield Problem(shown, 0, clean(str(error)), "check the address, or ask again")
    except _Forgotten:
        yield Problem(shown, 0, "the API server answered 410 to its own discovery", "ask again")
    except _Refused as refused:
        if refused.status != 404:  # the cluster lacks it
            what = f"the API server answered {refused.status} to GET /apis/{version}"
            yield Problem(shown, 0, what, "grant system:discovery, as every account has by default")
    else:
        yield CapturedFile(shown, msgspec.json.encode({"apiVersion": "v1", **answer}), time())


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _pages(client: Any, path: str) -> Iterator[bytes]:
    secrets = path.endswith("/secrets")
    token = ""
    for _ in range(MOST_PAGES):
        query: dict[str, str] = {"limit": str(PAGE), **({"continue": token} if token else {})}
        answer = _get(client, path, query, _METADATA if secrets else "application/json")
        if not isinstance(answer, dict) or not isinstance(answer.get("items"), list | None):
            raise InputError(f"GET {path}: not a list")
        items = answer.get("items") or []
        if secrets:
            small = {"apiVersion": "v1", "kind": "SecretList", "items": [secret_of(_meta(one)) for one in items]}
        else:
            kept = {key: answer[key] for key in ("apiVersion", "kind") if key in answer}
            small = {**kept, "items": stripped(items)}
        yield msgspec.json.encode(small)
        meta = answer.get("metadata")
        token = str(meta.get("continue") or "") if isinstance(meta, dict) else ""
        if not token:
            return
    raise InputError(f"GET {path}: more than {MOST_PAGES} pages")


def _meta(one: Any) -> Any:
    return one.get("metadata") if isinstance(one, dict) else None


def _get(client: Any, path: str, query: dict[str, str], accept: str) -> Any:
    """One page as plain data. Bounded in size and in time, however slowly the server drips."""
    until = monotonic() + MOST_SECONDS
    body = bytearray()
    try:
        with client.stream("GET", path, params=query, headers={"Accept": accept}) as answer:
            if answer.status_code == 410:
                raise _Forgotten
            if answer.status_code != 200:
                raise _Refused(answer.status_code)
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > safe.MOST_BYTES or monotonic() > until:
                    raise InputError(
                        f"GET {path}: more than {safe.MOST_BYTES >> 20} MiB or {MOST_SECONDS:.0f} s a page"
                    )
    except Exception as error:
        if type(error).__name__ in ("ConnectError", "ConnectTimeout", "ProxyError"):
            raise _Unreachable(f"{type(error).__name__}: {error}") from None
        if type(error).__module__.partition(".")[0] in _THEIRS:
            raise InputError(f"GET {path}: {type(error).__name__}: {error}") from None
        raise
    return safe.json(bytes(body))
