"""A contract server: the wire shape of the Kubernetes API's lists, and nothing more.

It proves how lists are asked for, paged and read. It does not prove admission, RBAC or anything
else that a real API server decides.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Contract:
    """Lists by path. `refuse` maps a path to a status, `forget` makes that many continuations answer 410."""

    def __init__(self, lists, *, refuse=None, forget=0, garbage=()):
        self.lists, self.refuse, self.forget = lists, refuse or {}, forget
        self.garbage = garbage
        self.asked = []

    def answer(self, method, target, accept):
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.asked.append((method, url.path, query, accept))
        if url.path in self.refuse:
            return self.refuse[url.path], {"kind": "Status", "code": self.refuse[url.path]}
        if url.path not in self.lists:
            return 404, {"kind": "Status", "code": 404}
        start = int(query.get("continue", 0))
        if start and self.forget:
            self.forget -= 1
            return 410, {"kind": "Status", "reason": "Expired", "code": 410}
        kind, items = self.lists[url.path]
        if "PartialObjectMetadataList" in accept:
            kind, items = "PartialObjectMetadata", [{"metadata": item["metadata"]} for item in items]
        end = start + min(int(query.get("limit", 500)), 2)
        meta = {"resourceVersion": "7"} | ({"continue": str(end)} if end < len(items) else {})
        return 200, {"apiVersion": "v1", "kind": f"{kind}List", "metadata": meta, "items": items[start:end]}


@contextmanager
def serving(contract) -> Iterator[str]:
    """The contract on a loopback port; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = contract.answer("GET", self.path, self.headers.get("Accept", ""))
            path = urlsplit(self.path).path
            data = b"{not json" if path in contract.garbage else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def kubeconfig(folder, address):
    """A kubeconfig for the contract server."""
    path = folder / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "lab",
                "clusters": [{"name": "lab", "cluster": {"server": address}}],
                "users": [{"name": "reader", "user": {"token": "not-a-real-token"}}],
                "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "reader"}}],
            }
        )
    )
    return path
