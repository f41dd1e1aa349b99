"""A contract server that can be written to: the wire shape of the Kubernetes API for objects, and nothing more.

List with pages, watch with 410, create, replace, delete, server-side apply with field managers, conflicts and dry
runs, and the discovery that kubectl asks for. It proves how an API server is spoken to. It does not prove admission,
RBAC, a network plugin, or anything else that a real cluster decides. Lists inside objects are atomic here, as those of
network policies are there.
"""

import copy
import itertools
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import yaml

from ringfence.wire.kubernetes.ours import KINDS as OURS
from ringfence.wire.kubernetes.ours import Kind

_RBAC = "rbac.authorization.k8s.io/v1"
KINDS = {
    **OURS,
    "Service": Kind("v1", "services", True),
    "RoleBinding": Kind(_RBAC, "rolebindings", True),
    "ClusterRoleBinding": Kind(_RBAC, "clusterrolebindings", False),
}
_BY_PLURAL = {(kind.version, kind.plural): name for name, kind in KINDS.items()}


class Problem(Exception):
    """A `Status` to answer."""

    def __init__(self, code, reason, message):
        super().__init__(message)
        self.code = code
        self.body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
                     "message": message}  # fmt: skip


class Api:
    """Objects by kind and place. `lacks`: kinds it does not know; `fail(method, key)` may return a status to answer.

    `grants`: (verb, resource) of what its one account may do, where it asks. `forbidden`: (method, kind) that it may
    not do, dry runs included.
    """

    def __init__(self, *objects, lacks=(), fail=lambda method, key: 0, page=3):
        self.lacks, self.fail, self.page = frozenset(lacks), fail, page
        self.objects, self.owners, self.events = {}, {}, []
        self.grants = {("set", "compartments.ringfence.io")}
        self.forbidden = set()
        self.version = itertools.count(1)
        self.oldest = 0
        self.changed = threading.Condition()
        self.asked = []
        self.closing = False
        for one in objects:
            self.put(one, "somebody")

    # what a test does to the world

    def put(self, one, manager="somebody"):
        """Create or replace an object as another client would."""
        with self.changed:
            self._store(copy.deepcopy(one), manager)

    def remove(self, kind, namespace, name):
        """Delete an object as another client would."""
        with self.changed:
            self._drop((kind, namespace, name))

    def forget(self):
        """Versions up to now are too old to watch from."""
        with self.changed:
            self.oldest = next(self.version)
            self.events.clear()
            self.changed.notify_all()

    def of(self, kind):
        """Objects of a kind by (namespace, name)."""
        return {key[1:]: one for key, one in self.objects.items() if key[0] == kind}

    # what it answers

    def answer(self, method, target, accept, body):
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path in ("/api", "/apis", "/openapi/v2", "/openapi/v3"):
            return _groups(url.path)
        if url.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
            asked = yaml.safe_load(body)["spec"]["resourceAttributes"]
            allowed = (asked["verb"], f"{asked['resource']}.{asked['group']}") in self.grants
            return {"kind": "SelfSubjectAccessReview", "status": {"allowed": allowed}}
        parts = url.path.strip("/").split("/")
        version = parts[1] if parts[0] == "api" else "/".join(parts[1:3])
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        if not rest:
            return self._resources(version)
        namespace = rest[1] if rest[0] == "namespaces" else ""
        plural, *name = rest[2:] if namespace else rest
        kind = _BY_PLURAL.get((version, plural))
        if kind is None or kind in self.lacks:
            raise Problem(404, "NotFound", "the server could not find the requested resource")
        key = (kind, namespace, name[0] if name else "")
        self.asked.append((method, key, query))
        if (method, kind) in self.forbidden:
            raise Problem(403, "Forbidden", f"{kind} is forbidden: attempting to grant RBAC permissions not held")
        status = self.fail(method, key) if not query.get("dryRun") else 0
        if status:
            raise Problem(status, "Injected", "as the test asked")
        with self.changed:
            return getattr(self, "_" + method.lower())(key, query, accept, body)

    def _resources(self, version):
        mine = [
            {"name": kind.plural, "singularName": name.lower(), "kind": name, "namespaced": kind.is_namespaced,
             "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"]}
            for name, kind in KINDS.items() if kind.version == version and name not in self.lacks
        ]  # fmt: skip
        if not mine:
            raise Problem(404, "NotFound", "no such group")
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": mine}

    def _get(self, key, query, accept, body):
        kind, namespace, name = key
        if name:
            return self._found(key)
        every = [one for at, one in sorted(self.objects.items()) if at[0] == kind and namespace in ("", at[1])]
        if "PartialObjectMetadata" in accept:
            every = [{"kind": "PartialObjectMetadata", "metadata": one["metadata"]} for one in every]
        start = int(query.get("continue", 0))
        end = start + min(int(query.get("limit", 500)), self.page)
        meta = {"resourceVersion": str(next(self.version))}
        if end < len(every):
            meta["continue"] = str(end)
        return {"apiVersion": KINDS[kind].version, "kind": f"{kind}List", "metadata": meta, "items": every[start:end]}

    def _post(self, key, query, accept, body):
        one = yaml.safe_load(body)
        place = (key[0], key[1], one["metadata"]["name"])
        if place in self.objects:
            raise Problem(409, "AlreadyExists", f"{place} already exists")
        return one if query.get("dryRun") else self._store(one, query.get("fieldManager", "unknown"))

    def _delete(self, key, query, accept, body):
        found = self._found(key)
        if not query.get("dryRun"):
            self._drop(key)
        return found

    def _patch(self, key, query, accept, body):
        """Server-side apply (Kubernetes documentation, "Server-Side Apply")."""
        wanted, manager = yaml.safe_load(body), query["fieldManager"]
        there, owners = self.objects.get(key), self.owners.get(key, {})
        if there is None and key[0] == "Pod":
            raise Problem(422, "Invalid", "spec.containers: Required value")
        new = dict(_leaves({name: wanted[name] for name in wanted if name not in ("apiVersion", "kind")}))
        now = dict(_leaves(there)) if there else {}
        others = {path: who for who, paths in owners.items() if who != manager for path in paths}
        clashes = sorted({others[path] for path in new if path in others and now.get(path) != new[path]})
        if clashes and query.get("force") != "true":
            raise Problem(409, "Conflict", f"Apply failed with conflicts with {', '.join(clashes)}")
        one = copy.deepcopy(there) if there else {"metadata": {"uid": f"uid-{key[2]}"}}
        for path in owners.get(manager, set()) - new.keys() - others.keys():
            _cut(one, path)
        for path, value in new.items():
            _set(one, path, value)
        if query.get("dryRun"):
            return one
        self.owners.setdefault(key, {})[manager] = set(new)
        return self._store({**one, "apiVersion": wanted["apiVersion"], "kind": wanted["kind"]})

    def _found(self, key):
        if key not in self.objects:
            raise Problem(404, "NotFound", f"{key} not found")
        return self.objects[key]

    def _store(self, one, manager=""):
        meta = one["metadata"]
        key = (one["kind"], meta.get("namespace", ""), meta["name"])
        event = "MODIFIED" if key in self.objects else "ADDED"
        meta["resourceVersion"] = str(next(self.version))
        meta.setdefault("creationTimestamp", "2026-01-04T23:00:00Z")
        self.objects[key] = one
        if manager:
            kept = {name: one[name] for name in one if name not in ("apiVersion", "kind")}
            self.owners.setdefault(key, {})[manager] = {path for path, _ in _leaves(kept) if path[0] != "metadata"
                                                        or path[1] in ("labels", "annotations")}  # fmt: skip
        self._tell(event, one)
        return one

    def _drop(self, key):
        one = self.objects.pop(key)
        self.owners.pop(key, None)
        self._tell("DELETED", {**one, "metadata": {**one["metadata"], "resourceVersion": str(next(self.version))}})

    def _tell(self, event, one):
        self.events.append((int(one["metadata"]["resourceVersion"]), event, copy.deepcopy(one)))
        self.changed.notify_all()

    def watch(self, kind, since):
        """Events of a kind after a version, as they come; ends with `close`."""
        while True:
            with self.changed:
                if since < self.oldest:
                    code = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
                    yield {"type": "ERROR", "object": code}
                    return
                fresh = [one for one in self.events if one[0] > since]
                if not fresh:
                    if self.closing:
                        return
                    self.changed.wait(5)
                    continue
            for at, event, one in fresh:
                since = at
                if one["kind"] == kind:
                    yield {"type": event, "object": one}

    def close(self):
        """End every watch."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()


def _groups(path):
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path != "/apis":
        raise Problem(404, "NotFound", "no schema is served here")
    found = {}
    for kind in KINDS.values():
        group, _, version = kind.version.rpartition("/")
        if group:
            found.setdefault(group, {})[version] = {"groupVersion": kind.version, "version": version}
    groups = [{"name": name, "versions": list(of.values()), "preferredVersion": next(iter(of.values()))}
              for name, of in found.items()]  # fmt: skip
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _leaves(value, path=()):
    """(path, value) of everything but mappings; an empty mapping is a leaf."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    else:
        yield path, value


def _set(one, path, value):
    for name in path[:-1]:
        one = one.setdefault(name, {})
    one[path[-1]] = value


def _cut(one, path):
    for name in path[:-1]:
        one = one.get(name, {})
    one.pop(path[-1], None)


@contextmanager
def serving(api):
    """The API on a loopback port; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # one segment for headers and body: two would wait for each other's acknowledgement

        def _answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = parse_qs(urlsplit(self.path).query)
            if query.get("watch", ["0"])[0] in ("1", "true"):
                return self._watch(query)
            try:
                status, told = 200, api.answer(self.command, self.path, self.headers.get("Accept", ""), body)
            except Problem as problem:
                status, told = problem.code, problem.body
            data = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            return self.wfile.write(data)

        def _watch(self, query):
            version, _, plural = urlsplit(self.path).path.strip("/").partition("/")[2].rpartition("/")
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            for event in api.watch(_BY_PLURAL[version, plural], int(query["resourceVersion"][0])):
                self.wfile.write(json.dumps(event).encode() + b"\n")
                self.wfile.flush()
            self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        api.close()
        server.shutdown()
        server.server_close()
        thread.join(5)
